import { RawClient } from './testing/raw-client';
import { describeServers, type RunningServer } from './testing/servers';

const CONNECT = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';
const WITH_HEADER = 'NATS/1.0\r\nA: 1\r\n\r\nx\r\n';

describeServers((kind) => {
  let server: RunningServer;
  let client: RawClient;
  beforeAll(async () => {
    server = await kind.start();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    client = await RawClient.to(server.port);
  });
  afterEach(() => client.drop());

  it('introduces itself', async () => {
    const newcomer = await RawClient.to(server.port);
    const { info } = newcomer;
    newcomer.drop();
    expect(info).toMatchObject({ proto: 1, headers: true, max_payload: 1_048_576, port: server.port });
    expect(info.jetstream).toBeFalsy();
    expect(info.version).toMatch(/^2\.\d+\.\d+$/);
  });

  it.each([
    ['delivers', 'SUB a 1\r\nPUB a 2\r\nhi\r\n', 'MSG a 1 2\r\nhi\r\n'],
    ['delivers with a reply subject', 'SUB a 1\r\nPUB a r 2\r\nhi\r\n', 'MSG a 1 r 2\r\nhi\r\n'],
    ['delivers an empty payload', 'SUB a 1\r\nPUB a 0\r\n\r\n', 'MSG a 1 0\r\n\r\n'],
    ['takes a payload that looks like protocol', 'SUB a 1\r\nPUB a 6\r\nPING\r\n\r\n', 'MSG a 1 6\r\nPING\r\n\r\n'],
    ['takes small letters, tabs, runs of blanks and a bare line feed', 'sub\ta \t1\npub  a  1 \r\nx\r\n', 'MSG a 1 1\r\nx\r\n'],
    ['gives headers as they came', `SUB a 1\r\nHPUB a r 18 19\r\n${WITH_HEADER}`, `HMSG a 1 r 18 19\r\n${WITH_HEADER}`],
    ['ends a subscription after its maximum', 'SUB a 1\r\nUNSUB 1 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\n', 'MSG a 1 1\r\n1\r\n'],
    ['counts what was delivered before the maximum came', 'SUB a 1\r\nPUB a 1\r\n1\r\nUNSUB 1 1\r\nPUB a 1\r\n2\r\n', 'MSG a 1 1\r\n1\r\n'],
    ['keeps the first subscription of an id', 'SUB a 1\r\nSUB b 1\r\nPUB b 1\r\n1\r\nPUB a 1\r\n2\r\n', 'MSG a 1 1\r\n2\r\n'],
    ['takes part of a token as no wildcard', 'SUB a* 1\r\nSUB b>c 2\r\nPUB ab 1\r\n1\r\nPUB a* 1\r\n2\r\n', 'MSG a* 1 1\r\n2\r\n'],
    ['says no responders', 'SUB in 5\r\nPUB nobody in 1\r\nx\r\n', 'HMSG in 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\n'],
    ['says no responders for JetStream', 'SUB in 5\r\nPUB $JS.API.INFO in 0\r\n\r\n', 'HMSG in 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\n'],
    ['matches nothing for a subject with an empty token', 'SUB > 1\r\nPUB a..b 1\r\nx\r\n', ''],
    ['refuses a subscription with an empty token', 'SUB a..b 1\r\n', "-ERR 'Invalid Subject'\r\n"],
    ['refuses a subscription with > inside', 'SUB a.>.b 1\r\n', "-ERR 'Invalid Subject'\r\n"],
    ['takes no heed of what follows a PONG or an +OK', 'PONGx\r\n+OKx\r\n+OK x\r\n', ''],
    ['takes an INFO', 'INFO {}\r\nINFO{}\r\n', ''],
    ['ignores an unknown subscription id', 'UNSUB 77\r\n', ''],
    ['takes a subject of any bytes', 'SUB \u00c3\u00a0.\v.\f 1\r\nPUB \u00c3\u00a0.\v.\f 1\r\nx\r\n', 'MSG \u00c3\u00a0.\v.\f 1 1\r\nx\r\n'],
    ['does not count a status towards the maximum', 'SUB in 5\r\nUNSUB 5 1\r\nPUB nobody in 0\r\n\r\nPUB in 1\r\nx\r\n', 'HMSG in 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\nMSG in 5 1\r\nx\r\n'],
    ['takes a maximum that is reached already as an end', 'SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nUNSUB 1 1\r\nPUB a 1\r\n3\r\n', 'MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n'],
    ['takes a later maximum in the place of the first', 'SUB a 1\r\nUNSUB 1 1\r\nUNSUB 1 2\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n', 'MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n'],
    ['takes a maximum that is no number as none', 'SUB a 1\r\nSUB b 2\r\nUNSUB 1 x\r\nUNSUB 2 -1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\n', ''],
    ['gives a wildcard in a published subject to wildcards alone', 'SUB > 1\r\nSUB a.b 2\r\nPUB a.* 1\r\nx\r\n', 'MSG a.* 1 1\r\nx\r\n'],
    ['takes a second CONNECT, of names in any letters, over the first', 'CONNECT {"ECHO":false}\r\nCONNECT {"Pedantic":false}\r\nSUB a 1\r\nPUB a 0\r\n\r\n', ''],
    ['takes null for what is not said', 'CONNECT null\r\nCONNECT {"verbose":null,"protocol":null,"name":null}\r\nSUB a 1\r\nPUB a 0\r\n\r\n', 'MSG a 1 0\r\n\r\n'],
    ['looks at no credentials', 'CONNECT {"user":"u","pass":"p","auth_token":"t","jwt":"j","nkey":"n","sig":"s"}\r\n', ''],
    ['takes arguments of exactly the limit', `SUB ${'a'.repeat(4094)} 1\r\n`, ''],
  ])('%s', async (_, said, heard) => {
    expect(await client.exchange(CONNECT + said)).toBe(heard);
  });

  it.each(['PING', 'ping', 'PING x', 'PINGx'])('answers %s', async (said) => {
    client.say(`${CONNECT}${said}\r\n`);
    expect((await client.until(/^[^]*\n$/))[0]).toBe('PONG\r\n');
  });

  it('acknowledges when verbose, and complains of a wildcard when pedantic', async () => {
    expect(await client.exchange('CONNECT {"verbose":true}\r\nSUB a 1\r\nUNSUB 1\r\n')).toBe('+OK\r\n'.repeat(3));
    expect(await client.exchange('CONNECT {"verbose":false,"pedantic":true}\r\nPUB a.* 1\r\nx\r\n')).toBe(
      "-ERR 'Invalid Publish Subject'\r\n",
    );
  });

  it('does not echo when told so, and then counts nobody as listening', async () => {
    const quiet = 'CONNECT {"verbose":false,"echo":false,"headers":true,"no_responders":true}\r\n';
    expect(await client.exchange(`${quiet}SUB a 1\r\nSUB in 2\r\nPUB a in 1\r\nx\r\n`)).toMatch(/^HMSG in 2 16 16\r\nNATS\/1.0 503/);
  });

  it('takes the headers off for a client that does not know them', async () => {
    const plain = await RawClient.to(server.port);
    await plain.exchange('CONNECT {"verbose":false,"headers":false}\r\nSUB stripped 1\r\n');
    await client.exchange(`${CONNECT}HPUB stripped 18 19\r\nNATS/1.0\r\nA: 1\r\n\r\nx\r\n`);
    expect(await plain.exchange('')).toBe('MSG stripped 1 1\r\nx\r\n');
    plain.drop();
  });

  it.each([
    ['an unknown operation', 'FOO\r\n', 'Unknown Protocol Operation'],
    ['an empty line', '\r\n', 'Unknown Protocol Operation'],
    ['an error without words', '-ERR\r\n', 'Unknown Protocol Operation'],
    ['a blank before an operation', ' PING\r\n', 'Unknown Protocol Operation'],
    ['an HTTP request', 'GET / HTTP/1.1\r\n\r\n', 'Unknown Protocol Operation'],
    ['a publish without arguments', 'PUB\r\n', 'Unknown Protocol Operation'],
    ['a payload longer than said', 'PUB a 2\r\nhello\r\n', 'Unknown Protocol Operation'],
    ['a payload over the limit', 'PUB a 1048577\r\n', 'Maximum Payload Violation'],
    ['headers and payload over the limit', 'HPUB a 1 1048577\r\n', 'Maximum Payload Violation'],
    ['a control line over the limit', `SUB ${'a'.repeat(5000)} 1\r\n`, 'maximum control line exceeded'],
    ['arguments just over the limit', `SUB ${'a'.repeat(4095)} 1\r\n`, 'maximum control line exceeded'],
    ['a control line without an end', `PUB ${'a'.repeat(5000)}`, 'maximum control line exceeded'],
    ['no responders without headers', 'CONNECT {"headers":false}\r\n', 'no responders requires headers support'],
    ['an account', 'CONNECT {"account":"A"}\r\n', 'Authorization Violation'],
    ['a new account', 'CONNECT {"new_account":true}\r\n', 'Authorization Violation'],
    ['a protocol of the future', 'CONNECT {"protocol":2}\r\n', 'invalid client protocol'],
  ])('closes with a word at %s', async (_, said, error) => {
    client.say(CONNECT + said);
    expect(await client.untilClosed()).toContain(`-ERR '${error}'\r\n`);
  });

  it.each([
    'PUB \r\n', 'SUB \t\r\n', 'PUB a 1234567890\r\n', 'CONNECT\r\n', 'CONNECT []\r\n', 'CONNECT {"protocol":"1"}\r\n', 'CONNECT {"protocol":1.5}\r\n', 'CONNECT {"name":1}\r\n',
    'PUB a\r\n', 'PUB a -1\r\n', 'PUB a x\r\n', 'PUB a b c d\r\n', 'PUB a 99999999999999999999\r\n', 'SUB a\r\n', 'SUB a b c d\r\n',
    'UNSUB 1 2 3\r\n', 'INFO\r\n', 'CONNECT {bad\r\n', 'CONNECT {"verbose":"yes"}\r\n', 'HPUB a 18\r\n', 'HPUB a 20 19\r\n',
    "-ERR 'sorry'\r\n",
  ])('closes at %j', async (said) => {
    client.say(CONNECT + said);
    // nats-server says nothing here, the embedded one names the reason.
    expect(['', "-ERR 'Parser Error'\r\n"]).toContain(await client.untilClosed());
  });

  it('closes when headers come without having been agreed on', async () => {
    client.say('CONNECT {"verbose":false}\r\nHPUB a 18 19\r\nNATS/1.0\r\nA: 1\r\n\r\nx\r\n');
    expect(['', "-ERR 'Parser Error'\r\n"]).toContain(await client.untilClosed());
  });
});
