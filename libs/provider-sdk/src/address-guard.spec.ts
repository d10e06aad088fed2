import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressGuard, hostAndPort, isPublicAddress } from './address-guard';
import { HttpClient } from './http-client';

describe('isPublicAddress', () => {
  it.each([
    '0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1',
    '192.168.1.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', 'fe80::1',
    'fc00::1', 'fd12:3456::1', 'ff02::1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '2001:db8::1', '3fff::1', 'localhost', '', '1.2.3',
  ])('refuses %s', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each(['8.8.8.8', '1.1.1.1', '172.15.0.1', '172.32.0.1', '192.167.1.1', '2606:4700:4700::1111', '2a00:1450::1'])('allows %s', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
});

describe('AddressGuard', () => {
  const guard = new AddressGuard({ allowedHosts: ['127.0.0.1:8080', '[::1]:8080'.replace(/[[\]]/g, '')] });
  const check = (url: string) => () => guard.check(new URL(url));

  it.each([
    'http://example.com/', 'https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://[::1]/', 'https://[::ffff:7f00:1]/',
    'http://127.0.0.1:8081/', 'ftp://127.0.0.1:8080/', 'file:///etc/passwd', 'https://169.254.169.254/latest/meta-data', 'https://user@10.0.0.1/',
  ])('refuses %s', (url) => expect(check(url)).toThrow(expect.objectContaining({ kind: 'invalid-request', code: 'ADDRESS_REFUSED' })));

  it.each(['https://example.com/', 'https://8.8.8.8/', 'http://127.0.0.1:8080/x', 'http://[::1]:8080/'])('allows %s', (url) => expect(check(url)).not.toThrow());

  it('allows nothing but its hosts where it is told so', () => {
    const narrow = new AddressGuard({ allowedHosts: ['cache.internal:4100'], onlyThese: true });
    expect(() => narrow.check(new URL('http://cache.internal:4100/x'))).not.toThrow();
    expect(() => narrow.check(new URL('https://example.com/'))).toThrow('not on the public internet');
  });

  it.each([
    ['https://Example.COM/', 'example.com:443'],
    ['http://example.com/', 'example.com:80'],
    ['http://[::1]:90/', '::1:90'],
  ])('names the port of %s', (url, expected) => expect(hostAndPort(new URL(url))).toBe(expected));
});

describe('connections', () => {
  let server: Server;
  let port: number;
  let seen = 0;
  beforeAll(async () => {
    server = createServer((_request, response) => {
      seen += 1;
      response.end('inside');
    }).listen(0);
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  it('refuses a name that leads inside, at the moment of connecting', async () => {
    const http = new HttpClient({ apiUrl: 'https://api.example.com', allowedHosts: [] });
    const signal = AbortSignal.timeout(5_000);
    await expect(http.send({ url: `https://localhost:${port}/`, signal })).rejects.toMatchObject({ kind: 'invalid-request', code: 'ADDRESS_REFUSED' });
    expect(seen).toBe(0);
    await http.close();
  });

  it('trusts the API’s own host for calls with credentials, and not for links', async () => {
    const url = `http://localhost:${port}/`;
    const http = new HttpClient({ apiUrl: url });
    const signal = AbortSignal.timeout(5_000);
    await expect(http.json({ url, credentials: () => ({ key: 'k' }), signal })).resolves.toMatchObject({ status: 200 });
    await expect(http.json({ url, signal })).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect(seen).toBe(1);
    await http.close();
  });

  it('follows no link over http', async () => {
    const http = new HttpClient({ apiUrl: 'https://api.example.com' });
    await expect(http.send({ url: 'http://8.8.8.8/', signal: AbortSignal.timeout(2_000) })).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    await http.close();
  });

  it('tells a host that is not there from one that may not be asked', async () => {
    const http = new HttpClient({ apiUrl: 'https://api.example.com', allowedHosts: ['127.0.0.1:1'] });
    await expect(http.send({ url: 'http://127.0.0.1:1/', signal: AbortSignal.timeout(5_000) })).rejects.toMatchObject({ kind: 'unavailable' });
    await http.close();
  });
});
