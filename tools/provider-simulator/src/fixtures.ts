import { join } from 'node:path';

const FIXTURES = join(__dirname, '../fixtures');
export const FIXTURE_TYPES: Readonly<Record<string, string>> = { mp4: 'video/mp4', mp3: 'audio/mpeg', png: 'image/png' };

/** @throws Error for a name that leaves the folder */
export const fixturePath = (name: string): string => {
  if (!/^[\w-]+\.(mp4|mp3|png)$/.test(name)) throw new Error(`"${name}" is no name of a fixture, like sora-lighthouse.mp4.`);
  return join(FIXTURES, name);
};
