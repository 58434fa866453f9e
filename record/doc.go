// Package record records what clients and gateways send each other, as lines of JSON, and plays such a file again in a test.
//
// A recorder is an observer of the application:
//
//	file, err := os.Create("testdata/order.jsonl")
//	…
//	recorder := record.New(file, record.Options{})
//	app.Main(shop.Module, app.HTTP(":3000"), app.WebSockets(ws.New()), app.Observe(recorder.Hooks()))
//
// [Play] connects the recorded clients to a new application, sends what they sent, and compares what the application sends to
// each of them:
//
//	func TestOrder(t *testing.T) {
//		record.Play(t, "testdata/order.jsonl", shop.Module, apptest.With(app.WebSockets(ws.New())))
//	}
//
// What differs is reported with the line of the file, as in
// testdata/order.jsonl:5: c1: the answer to "order": /price: got 4, recorded 3.
//
// # Values that differ between runs
//
// The file has placeholders for them, such as "⟨uuid#1⟩": one value has the same placeholder wherever it is. They are made in what
// the server sends, of:
//
//   - ids of clients: ⟨c1⟩ is that of the client c1;
//   - UUIDs, texts of [crypto/rand.Text] and times of RFC 3339, also inside of other texts: ⟨uuid#1⟩, ⟨id#1⟩, ⟨time#1⟩;
//   - members of objects whose names are in [Options.Vary], whatever they are: ⟨.name#1⟩.
//
// A value that a client has sent first is none of them, and stays as it is. When the file is played, the first value at the place
// of a placeholder counts, if it has the form; everywhere else the placeholder means that value, also in what clients send. Only
// times may differ later: two that were equal need not be equal again.
//
// All else must be equal, as JSON: the order of members does not count. Use [Options.Redact] and [Player.Redact] to replace what has
// another form by a constant.
//
// # Order
//
// What one client is sent must arrive in the recorded order, unless messages of several clients, or several of one, were being
// handled at that time, or none: then only the content counts. The order of what different clients are sent does not count.
//
// # What is left out
//
// Tokens and the like are never in a file: no headers, no auth of Socket.IO, no values of the query keys token, access_token and
// code; no payloads of gateways with websockets.HideCauseData. Texts that were in one of these are replaced by "[redacted]" where
// they are sent on. [Options.Redact] removes more. For a test, [Player] has functions that put them in again.
//
// Clients beyond Options.MaxClients, payloads beyond MaxPayload, and all that follows when the file has MaxBytes, are left
// out, as are frames that are no messages; the file has a line that states it.
package record
