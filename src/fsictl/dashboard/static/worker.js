// One connection for all tabs: a browser has six to a server, and a page in each of fifty tabs would wait for ever.

import { Connection } from "./connection.js";

const ports = new Set(); // of the tabs that want to hear
let status; // the last one, for whoever comes later

const connection = new Connection("/api/events", (kind, data) => {
  if (kind === "status") status = data;
  for (const port of ports) port.postMessage([kind, data]);
});

function join(port) {
  ports.add(port);
  if (connection.isOpen) {
    port.postMessage(["open"]);
    if (status) port.postMessage(["status", status]);
  } else connection.open();
}

function leave(port) {
  ports.delete(port);
  if (!ports.size) connection.close();
}

addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data: wish }) => (wish === "join" ? join(port) : leave(port)));
  port.start();
});
