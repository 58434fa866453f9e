// Prints the address of the server for the comparison.
export function ready(server) {
  const { port } = server.address();
  console.log(JSON.stringify({ addr: `127.0.0.1:${port}` }));
}
