import { containerSettings, REAL_SERVERS } from './compose-servers';

describe('the servers of docker-compose.yml', () => {
  it('are pinned images with a health check each', () => {
    for (const { name } of REAL_SERVERS) {
      const { image, healthCheck } = containerSettings(name);
      expect(image).toMatch(/^[a-z/]+:\d/);
      expect(healthCheck.test.length).toBeGreaterThan(1);
      expect(healthCheck).toMatchObject({ interval: expect.any(Number), timeout: expect.any(Number), retries: expect.any(Number) });
      expect(healthCheck.interval % 1_000).toBe(0);
    }
  });

  it('get their command and environment from there, as strings', () => {
    expect(containerSettings('nats').command).toEqual(['--http_port', '8222']);
    expect(containerSettings('eventstore').environment).toMatchObject({ EVENTSTORE_CLUSTER_SIZE: '1', EVENTSTORE_INSECURE: 'true' });
    expect(containerSettings('mongodb').command).toBeUndefined();
  });

  it('are reached by the clients\' connection strings', () => {
    expect(REAL_SERVERS.map(({ variable, url }) => [variable, url('host:1')])).toEqual([
      ['NATS_URL', 'nats://host:1'],
      ['EVENTSTORE_URL', 'esdb://host:1?tls=false'],
      ['MONGODB_URL', 'mongodb://host:1/ferry'],
    ]);
  });
});
