import { mkdir, link } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figure, Print } from '../main';
import { median, printFigures } from '../measure';
import type { Program } from '../server-under-test';
import { startNginx, type Nginx } from './nginx';
import { NodeUnderTest } from './node-under-test';
import { readAll } from './read-all';

const MIB = 1024 ** 2;
const FILE_BYTES = 1024 * MIB;
const ROUNDS = 7;
const SHARE = 0.8;

/** The head of a WAV file of unknown length: whatever follows is its sound. */
const HEAD = Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\xff\xff\xff\xff', 'latin1');

async function* sound(): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(MIB, 'ferry');
  yield HEAD;
  yield piece.subarray(HEAD.length);
  for (let sent = MIB; sent < FILE_BYTES; sent += MIB) yield piece;
}

interface Sample {
  readonly mibPerSecond: number;
  /** NaN where the system does not tell. */
  readonly cpuPerGib: number;
}

async function sample(server: Program, url: string): Promise<Sample> {
  const before = await server.cpuSeconds();
  const seconds = await readAll(url, FILE_BYTES);
  const after = await server.cpuSeconds();
  return { mibPerSecond: FILE_BYTES / MIB / seconds, cpuPerGib: (after ?? NaN) - (before ?? NaN) };
}

const figuresOf = (name: string, samples: readonly Sample[]): Figure[] => [
  { name: `GET of a cached file of 1 GiB on loopback, ${name}`, value: Math.round(median(samples.map(({ mibPerSecond }) => mibPerSecond))), unit: 'MiB/s' },
  { name: `its processor time, ${name}`, value: Number(median(samples.map(({ cpuPerGib }) => cpuPerGib)).toFixed(2)), unit: 's/GiB' },
];

async function measure(node: NodeUnderTest, service: Program): Promise<{ own: Sample[]; other: Sample[] }> {
  const { getUrl, path } = await node.cached(sound(), FILE_BYTES);
  const root = join(node.folder, 'bench');
  await mkdir(root);
  await link(path, join(root, 'file'));
  const nginx: Nginx | undefined = await startNginx(root);
  const samples = { own: [] as Sample[], other: [] as Sample[] };
  try {
    // In turns, so that what else the machine does hits both; the first fills the system's cache and warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const own = await sample(service, getUrl);
      const other = nginx && (await sample(nginx, `${nginx.url}/file`));
      if (round) samples.own.push(own);
      if (round && other) samples.other.push(other);
    }
    return samples;
  } finally {
    await nginx?.stop();
  }
}

/** How fast the data plane gives a large file, beside nginx with the same file in the same run. */
export async function run(print: Print): Promise<Figure[]> {
  const node = await NodeUnderTest.prepare(2 * FILE_BYTES);
  try {
    const { own, other } = await measure(node, await node.boot());
    const rows = [...figuresOf('the data plane', own), ...(other.length ? figuresOf('nginx', other) : [])];
    const share = median(own.map(({ mibPerSecond }, round) => mibPerSecond / (other[round]?.mibPerSecond ?? NaN)));
    if (other.length) rows.push({ name: 'the data plane as a share of nginx, median of the rounds', value: Number(share.toFixed(3)), unit: 'ratio', goal: `>= ${SHARE}`, pass: share >= SHARE });
    printFigures(print, rows);
    if (!other.length) print('nginx is not installed (apt-get install nginx-light): nothing to compare with');
    return rows;
  } finally {
    await node.close();
  }
}
