import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { HostConfig, loadConfig } from './config';

class Config {
  @IsString() NAME!: string;
  @IsInt() @Min(0) @Max(10) COUNT = 3;
  @IsOptional() @IsInt() SIZE?: number;
}

describe('loadConfig', () => {
  it('reads what the class names, with numbers as numbers, and freezes it', () => {
    const config = loadConfig(Config, { NAME: 'a', COUNT: '7', SIZE: '9', OTHER: 'x' });
    expect(config).toEqual({ NAME: 'a', COUNT: 7, SIZE: 9 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes defaults for what is absent or empty', () => {
    expect(loadConfig(Config, { NAME: 'a', COUNT: '', SIZE: undefined })).toEqual({ NAME: 'a', COUNT: 3 });
    expect(loadConfig(HostConfig, { NATS_URL: 'nats://x' })).toMatchObject({ HTTP_HOST: '127.0.0.1', HTTP_PORT: 0, LOG_LEVEL: 'info' });
  });

  it.each([
    [{}, 'NAME: NAME must be a string'],
    [{ NAME: 'a', COUNT: '11' }, 'COUNT: COUNT must not be greater than 10'],
    [{ NAME: 'a', COUNT: 'many' }, 'COUNT: '],
  ])('names the variable that is wrong: %j', (env, message) => {
    expect(() => loadConfig(Config, env)).toThrow(message);
  });
});
