// Package validate checks payloads by the tags of their structs, with
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
// A client that breaks rules is told which, in the names of the wire:
//
//	Bad payload: text may have at most 2000 characters; to.0.name is required
//
// The payloads of messages are checked, and the inputs of typed HTTP handlers. Names
// are those of the json tag, else of the tag query, path or header, else of the Go
// field.
//
// The rules are those of the library, and so is what they mean. Fields of lists and
// maps of structs are looked into where their tag says dive, and not otherwise. Put
// max before it: a list that is too long is then refused without a look at its
// elements, and every element that breaks a rule costs much more memory than it had
// on the wire. Rules such as file, dir or tcp_addr ask the file system or the name
// server what the client wants; do without them.
package validate
