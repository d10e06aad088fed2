import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const ROOT = join(__dirname, '../../..');

/** Times as Compose writes them: whole seconds, `3s`. */
export interface HealthCheck {
  readonly test: readonly string[];
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
}

export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: HealthCheck;
  readonly network_mode?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const VARIABLE = /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g;

/** The file with the variables put in, as Compose does it. @throws Error with the file's own message where one is missing */
export const readCompose = (env: Readonly<Record<string, string>>): Compose => {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const filled = text.replaceAll(VARIABLE, (_, name: string, operator: string | undefined, rest = '') => {
    if (env[name]) return env[name];
    if (operator === '?') throw new Error(rest as string);
    return rest as string;
  });
  return parse(filled, { merge: true }) as Compose;
};

/** The variables that the file reads. */
export const composeVariables = (): string[] => {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  return [...new Set([...text.matchAll(VARIABLE)].map(([, name]) => name!))].sort();
};

/** `docker/.env.example` as the variables that it sets. */
export const exampleEnvironment = (): Record<string, string> => {
  const lines = readFileSync(join(ROOT, 'docker/.env.example'), 'utf8').split('\n').filter((line) => /^[A-Z]/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
};

/** A service's own part of its environment, as strings. */
export const environmentOf = ({ environment = {} }: ComposeService): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));
