import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port';
import { startForeign, type Program } from '../server-under-test';

export interface Nginx extends Program {
  readonly url: string;
}

/** As Debian configures it, in one process without a log of its requests. */
const configOf = (folder: string, root: string, port: number): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`;

/** An nginx on the PATH that serves the files in a folder; undefined where there is none. */
export async function startNginx(root: string): Promise<Nginx | undefined> {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;
  if (spawnSync('nginx', ['-v'], { env: { PATH } }).error) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'ferry-bench-nginx-'));
  const port = await freePort();
  await writeFile(join(folder, 'conf'), configOf(folder, root, port));
  const server = await startForeign('/usr/bin/env', [`PATH=${PATH}`, 'nginx', '-p', folder, '-c', join(folder, 'conf')], /using the .* event method/);
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
  return { ...server, stop, url: `http://127.0.0.1:${port}` };
}
