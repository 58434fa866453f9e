// Package contract makes documents of what an application serves: AsyncAPI of its gateways, OpenAPI of its controllers. It needs
// nothing beside the registration:
//
//	d, err := app.Describe(chat.Module, app.WebSockets(ws.New()))
//	m, err := contract.From(d, contract.Title("Chat"))
//	asyncapi, err := m.AsyncAPI()
//
// Package contracttest writes the documents in a test and holds the application to them, so that no program is linked with this
// package.
//
// Schemas describe what the codec writes and reads: names and options of tags, text methods, embedded structs. A type with a
// MarshalJSON of its own says its form by a method, which needs no import of this package:
//
//	func (Price) JSONSchema() jsontext.Value { return jsontext.Value(`{"type":"string"}`) }
//
// What cannot be described is one of [Model.Problems]. The same application has the same documents, byte by byte.
package contract
