import type { ProviderCapabilities } from '@ferry/contracts';
import { withRateLimits } from './provider-settings';

const capabilities = { providerId: 'some-vendor', rateLimits: { upload: { concurrency: 4 }, download: { concurrency: 8 } } } as unknown as ProviderCapabilities;
const limitsWith = (json: string) => withRateLimits(capabilities, { SOME_VENDOR_RATE_LIMITS: json }).rateLimits;

describe('{PROVIDER}_RATE_LIMITS', () => {
  it("leaves the adapter's limits where it is not given", () => {
    expect(withRateLimits(capabilities, {})).toBe(capabilities);
  });

  it('takes the place of the limits of the operations that it names', () => {
    expect(limitsWith('{"upload":{"requestsPerSecond":0.5,"bytesPerSecond":1000}}')).toEqual({ upload: { requestsPerSecond: 0.5, bytesPerSecond: 1000 }, download: { concurrency: 8 } });
    expect(limitsWith('{"upload":{}}')).toMatchObject({ upload: {} });
  });

  it.each(['two', '7', 'null', '{"upload":2}', '{"upload":null}', '{"moving":{"concurrency":2}}', '{"upload":{"speed":2}}', '{"upload":{"concurrency":1.5}}', '{"upload":{"concurrency":0}}', '{"upload":{"bytesPerSecond":"9"}}'])(
    'refuses %s with the name of the variable and an example',
    (json) => {
      expect(() => limitsWith(json)).toThrow(/^SOME_VENDOR_RATE_LIMITS must be JSON like \{"upload":\{"concurrency":2\}\}: of .*upload/);
    },
  );
});
