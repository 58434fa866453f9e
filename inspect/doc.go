// Package inspect shows in a browser what an application does: its modules, gateways, routes, clients and rooms, and the messages
// as they come. A developer may send messages as a client, or as the server, and disconnect clients.
//
//	var Module = module.New("app", module.Imports(chat.Module, inspect.Module(inspect.Options{})))
//
//	func main() { app.Main(Module, app.HTTP("127.0.0.1:3000"), app.WebSockets(ws.New())) }
//
// The start logs the URL of the page, with a token that is new at each start. It is for the machine of a developer: the application
// does not start on an address that others reach, unless [Options] have a guard. docs/inspector.md has the rules.
//
// While no page is open, messages are neither counted nor kept. The inspector's own clients, routes and messages are not shown,
// not observed by hooks, and in no document of package contract.
package inspect
