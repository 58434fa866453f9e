// Package client connects Go programs to gateways of plain WebSocket, by the descriptors with which
// the gateways are written:
//
//	conn, err := client.Dial(ctx, "wss://chat.example.com/rooms/{room}", client.Options{
//		Params: map[string]string{"room": "tea"},
//		Token:  tokens.Get, // func(context.Context) (string, error)
//	})
//	if err != nil {
//		return err
//	}
//	defer conn.Close(context.Background())
//
//	room, err := chat.Join.Call(ctx, conn, chat.JoinIn{Name: "Ada"}) // a websockets.Request
//	err = chat.Typing.Emit(ctx, conn, "tea")                         // a websockets.Event
//	for n, err := range chat.Count.Of(ctx, conn, 3) {                // a websockets.StreamEvent
//		…
//	}
//
// A [Conn] reconnects when its connection is lost. A request is never sent twice: one that was sent
// and not answered fails with [ErrDisconnected]. What is not sent yet waits for the next connection. Where the server
// has ws.Recovery, it is the same client on the next connection, and receives the events that it has missed: see [Conn.Recovered].
//
// Events of the server have handlers by [On], its calls by [Answer]. To receive what the server sends at
// once, register them before the connection is made:
//
//	conn, err := client.New("wss://chat.example.com/rooms/tea", client.Options{})
//	if err != nil {
//		return err
//	}
//	client.On(conn, chat.Posted, func(ctx context.Context, m chat.Message) error { return store(ctx, m) })
//	client.Answer(conn, chat.Confirm, func(ctx context.Context, q chat.Question) (bool, error) { return true, nil })
//	if err := conn.Connect(ctx); err != nil {
//		return err
//	}
//
// Errors of the server are a *[websockets.Error]: errors.AsType finds it, and [Details] decodes its details.
// errors.Is distinguishes the others:
//
//	_, err := chat.Join.Call(ctx, conn, in)
//	if refused, ok := errors.AsType[*websockets.Error](err); ok {
//		return refused.Code // of the server
//	}
//	if errors.Is(err, client.ErrUnanswered) {
//		… // the server may have handled it
//	}
package client
