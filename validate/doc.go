// Package validate checks payloads by struct tags, with
// github.com/go-playground/validator.
//
//	type Message struct {
//		Room string   `json:"room" validate:"required,max=40"`
//		Text string   `json:"text" validate:"required,max=2000"`
//		To   []Person `json:"to" validate:"max=50,dive"`
//	}
//
//	app.UsePipes(validate.New)
//
// A client that breaks rules receives an error that lists them, with the names of the
// wire format:
//
//	Bad payload: text may have at most 2000 characters; to.0.name is required
//
// The pipe checks the payloads of messages and the inputs of typed HTTP handlers.
// Names are those of the json tag, else of the tag query, path or header, else of the
// Go field.
//
// Rules and their meaning are the library's. Structs in a field that is a list or map
// are checked only if the field's tag has dive. Put max before dive: a list that is
// too long is then rejected without checking its elements; every element that breaks
// a rule costs far more memory than it had on the wire. Avoid rules such as file, dir
// and tcp_addr: they access the file system or resolve host names that the client
// chooses.
package validate
