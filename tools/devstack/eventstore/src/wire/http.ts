import { createServer, type Server } from 'node:http';

/** What the client asks over HTTP/1.1 on the port of gRPC: whether somebody is there. All else is not found. */
export function httpServer(): Server {
  return createServer((request, response) => {
    const found = request.method === 'GET' && request.url === '/ping';
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(found ? JSON.stringify({ msgTypeId: 2, text: 'Ping request successfully handled' }) : undefined);
    // A body that nobody reads must not hold the connection.
    request.resume();
  });
}
