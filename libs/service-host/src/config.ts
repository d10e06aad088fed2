import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { IsIn, IsInt, IsNotEmpty, IsString, Max, Min, validateSync } from 'class-validator';

/** What every service reads from its environment. */
export class HostConfig {
  /** One or more NATS servers, comma separated. */
  @IsString() @IsNotEmpty() NATS_URL!: string;
  /** Address of /healthz, /readyz and /metrics. */
  @IsString() @IsNotEmpty() HTTP_HOST = '127.0.0.1';
  /** 0: any free port. */
  @IsInt() @Min(0) @Max(65_535) HTTP_PORT = 0;
  /** fatal, error, warn, info, debug, trace or silent. */
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) LOG_LEVEL = 'info';
}

export class StoresConfig {
  /** e.g. `esdb://127.0.0.1:2113?tls=false`. */
  @IsString() @IsNotEmpty() EVENTSTORE_URL!: string;
  /** With the database in its path; default `ferry`. */
  @IsString() @IsNotEmpty() MONGODB_URL!: string;
}

/**
 * The environment as a validated, frozen object of the class. Only variables that the class names are read.
 * @throws Error that names each wrong variable and why
 */
export const loadConfig = <T extends object>(type: new () => T, env: NodeJS.ProcessEnv = process.env): Readonly<T> => {
  // A field whose type is only inferred from its default leaves no trace for the conversion.
  const defaults = new type() as Readonly<Record<string, unknown>>;
  const typed = (name: string, value: string) => (typeof defaults[name] === 'number' ? Number(value) : value);
  const given = Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value ? [[name, typed(name, value)]] : [])));
  const config = plainToInstance(type, given, { enableImplicitConversion: true, exposeDefaultValues: true });
  const errors = validateSync(config, { whitelist: true });
  if (errors.length) {
    const reasons = errors.map(({ property, constraints }) => `  ${property}: ${Object.values(constraints ?? {}).join(', ')}`);
    throw new Error(`The configuration is not valid. Set these environment variables:\n${reasons.join('\n')}`);
  }
  return Object.freeze(config);
};
