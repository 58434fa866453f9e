// Plain WebSocket on Bun's own server, uWebSockets.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (!server.upgrade(request)) return new Response("a WebSocket is expected", { status: 426 });
  },
  websocket: {
    open(socket) {
      socket.subscribe("all");
    },
    message(socket, text) {
      const { event, data } = JSON.parse(text);
      switch (event) {
        case "echo":
          socket.send(JSON.stringify({ event: "echo", data: { seq: data.seq, text: data.text } }));
          break;
        case "shout":
          server.publish("all", JSON.stringify({ event: "shout", data: { seq: data.seq, text: data.text } }));
          break;
      }
    },
  },
});

console.log(JSON.stringify({ addr: `127.0.0.1:${server.port}` }));
