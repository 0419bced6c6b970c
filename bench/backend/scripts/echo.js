// An echo server on Node's event loop. It prints its address when it listens.
const net = require("node:net");
const [host, port] = process.argv.slice(-2);

const server = net.createServer({ noDelay: true }, (conn) => {
  conn.on("data", (data) => conn.write(data));
  conn.on("error", () => conn.destroy());
});
server.listen({ host, port: Number(port), backlog: 4096 }, () => {
  console.log(`${server.address().address}:${server.address().port}`);
});
