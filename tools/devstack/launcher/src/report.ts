/** What a person who watches sees. */
export interface Report {
  banner(servers: readonly string[]): void;
  ready(name: string, milliseconds: number, first: boolean): void;
  died(name: string, how: string, againInMs: number): void;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

export const consoleReport: Report = {
  banner: (servers) => servers.forEach((line) => say(`  ${line}`)),
  ready: (name, milliseconds, first) => say(`✓ ${name.padEnd(20)}${first ? 'ready' : 'ready again'} in ${seconds(milliseconds)}`),
  died: (name, how, againInMs) => say(`! ${name.padEnd(20)}died (${how}), started again in ${seconds(againInMs)}`),
};

export const silentReport: Report = { banner: () => {}, ready: () => {}, died: () => {} };
