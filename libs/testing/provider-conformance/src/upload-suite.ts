import { Cancelled, JobError } from '@ferry/provider-sdk';
import { eventually } from '@ferry/testing/specs';
import { fixture, sha256 } from './media-file';
import { statusKinds } from './status-kinds';
import { SECRET_KEY, type Rig } from './rig';
import type { ConformanceSubject, ConformanceUpload } from './subject';

const MIB = 1024 * 1024;

const nothingStored = (rig: Rig, before: number) =>
  eventually(async () => {
    expect(await rig.counts()).toMatchObject({ open: 0, uploads: 0 });
    expect(await rig.stored()).toHaveLength(before);
  });

const byteExact = (upload: ConformanceUpload, rig: () => Rig): void => {
  it.each([
    ['as it is', undefined],
    ['of 1 MiB + 1', MIB + 1],
    ['of 8 MiB', 8 * MIB],
  ])('stores a file %s byte for byte, after one release with its size and hash', async (_name, sizeBytes) => {
    const file = fixture(upload.fixture, sizeBytes);
    const release = jest.fn(async () => undefined);
    let told = 0;
    const { forms } = await rig().upload(upload, file, { release, onBytes: (count) => (told += count) });
    expect(release.mock.calls).toEqual([[{ sizeBytes: file.bytes.length, sha256: sha256(file.bytes) }]]);
    expect(told).toBe(file.bytes.length);
    const stored = (await rig().stored()).at(-1)!;
    expect(stored).toMatchObject({ sizeBytes: file.bytes.length, sha256: sha256(file.bytes) });
    expect(forms).toMatchObject({ id: stored.id, idType: upload.idType });
  });

  it.each(['ferry-ü-日本語 🎬.mp4', 'two  spaces; and=signs.mp4', 'a'.repeat(250)])('keeps the file name %s', async (filename) => {
    await rig().upload(upload, fixture(upload.fixture), { filename });
    expect((await rig().stored()).at(-1)!.filename).toBe(filename);
  });

  it('lets no file name write headers or fields', async () => {
    await rig().upload(upload, fixture(upload.fixture), { filename: 'x"\r\nX-Evil: 1\r\n\r\n.mp4' });
    expect((await rig().stored()).at(-1)!.filename).toBe('x%22%0D%0AX-Evil: 1%0D%0A%0D%0A.mp4');
  });
};

const heldBack = (upload: ConformanceUpload, rig: () => Rig): void => {
  it('commits nothing at the vendor while the release is open, and nothing at all when it is refused', async () => {
    const before = (await rig().stored()).length;
    const refusal = new JobError({ kind: 'not-released', message: 'not now', retryable: false });
    const release = async () => {
      expect(await rig().counts()).toMatchObject({ open: 1, uploads: 0 });
      throw refusal;
    };
    await expect(rig().upload(upload, fixture(upload.fixture), { release })).rejects.toBe(refusal);
    await nothingStored(rig(), before);
  });

  it.each([
    ['shorter', -1],
    ['longer', +1],
  ])('commits nothing of a file that is %s than announced', async (_name, difference) => {
    const before = (await rig().stored()).length;
    const file = fixture(upload.fixture);
    const other = fixture(upload.fixture, file.bytes.length + 100);
    const content = (async function* () {
      yield other.bytes.subarray(0, file.bytes.length + difference);
    })();
    const release = jest.fn(async () => undefined);
    await expect(rig().upload(upload, file, { content, release })).rejects.toMatchObject({ kind: 'protocol' });
    expect(release).not.toHaveBeenCalled();
    await nothingStored(rig(), before);
  });

  it('closes the connection when it is cancelled in the middle', async () => {
    const before = (await rig().stored()).length;
    const file = fixture(upload.fixture);
    const stop = new AbortController();
    const content = (async function* () {
      yield file.bytes.subarray(0, 1000);
      await eventually(async () => expect(await rig().counts()).toMatchObject({ open: 1 }));
      stop.abort(new Cancelled('cancelled'));
      yield file.bytes.subarray(1000);
    })();
    await expect(rig().upload(upload, file, { content, signal: stop.signal })).rejects.toBeInstanceOf(Cancelled);
    await nothingStored(rig(), before);
  });
};

const failures = (upload: ConformanceUpload, subject: ConformanceSubject, rig: () => Rig): void => {
  const failed = async (): Promise<Error> => {
    const outcome = await rig()
      .upload(upload, fixture(upload.fixture))
      .catch((error: unknown) => error as Error);
    expect(outcome).toBeInstanceOf(Error);
    expect(`${String(outcome)} ${JSON.stringify(outcome)}`).not.toMatch(new RegExp(`${SECRET_KEY}|https?://`));
    return outcome as Error;
  };

  it.each(statusKinds)('HTTP $status is $kind', async ({ status, kind, retryable }) => {
    await rig().fault(upload.operation, { status });
    expect(await failed()).toMatchObject({ kind, status, retryable });
  });

  it.each(subject.errors)('code $code is $kind', async ({ code, status, kind }) => {
    await rig().fault(upload.operation, { code, status });
    expect(await failed()).toMatchObject({ kind, code: String(code) });
  });

  it('tells how long a limit asks to wait', async () => {
    await rig().fault(upload.operation, { status: 429, retryAfter: '7' });
    expect(await failed()).toMatchObject({ kind: 'throttled', retryAfterMs: 7000 });
    await rig().reset();
    await rig().fault(upload.operation, { status: 429, retryAfter: new Date(Date.now() + 60_000).toUTCString() });
    expect((await failed()) as { retryAfterMs?: number }).toMatchObject({ kind: 'throttled', retryAfterMs: expect.any(Number) as number });
  });

  it.each([
    ['an HTML page', { html: true }],
    ['half of a JSON text', { rawBody: '{"ErrCode":0,"Resp":{"media_id":1' }],
    ['JSON without the id', { rawBody: '{"ErrCode":0,"ErrMsg":"success","Resp":{}}' }],
    ['a redirect', { redirectTo: 'http://127.0.0.1:1/' }],
  ])('%s instead of the answer is a protocol error', async (_name, fault) => {
    await rig().fault(upload.operation, fault);
    expect(await failed()).toMatchObject({ kind: 'protocol' });
  });

  it('hears a refusal that comes before all was sent', async () => {
    const [first] = subject.uploads;
    await rig().fault(first!.operation, { status: 401 });
    await expect(rig().upload(first!, fixture(first!.fixture, 8 * MIB))).rejects.toMatchObject({ kind: 'auth', status: 401 });
    expect(await rig().counts()).toMatchObject({ uploads: 0 });
  });

  it('gives up at the deadline', async () => {
    await rig().fault(upload.operation, { latencyMs: 60_000 });
    const late = rig().upload(upload, fixture(upload.fixture), { signal: AbortSignal.timeout(100) });
    await expect(late).rejects.toMatchObject({ kind: 'timeout' });
    await eventually(async () => expect(await rig().counts()).toMatchObject({ open: 0 }));
  });
};

export const uploadSuite = (subject: ConformanceSubject, rig: () => Rig): void => {
  describe.each(subject.uploads)('upload of $kind as $variant', (upload) => {
    byteExact(upload, rig);
    heldBack(upload, rig);
  });
  // The failures take the same way for every variant.
  describe('failing upload', () => failures(subject.uploads.at(-1)!, subject, rig));
};
