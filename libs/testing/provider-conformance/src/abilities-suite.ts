import type { VariantAbility } from '@ferry/contracts';
import { randomUUID } from 'node:crypto';
import { fixture } from './media-file';
import type { Rig } from './rig';
import type { ConformanceSubject, ConformanceUpload } from './subject';

const METHODS = { find: 'findUpload', check: 'checkReference', delete: 'deleteUpload' } as const;

/** What an adapter says it can do with uploads, beside taking them, it can. */
export const abilitiesSuite = (subject: ConformanceSubject, rig: () => Rig): void => {
  const variantOf = ({ variant, kind }: ConformanceUpload) => rig().adapter.capabilities.variants.find((candidate) => candidate.variant === variant && candidate.kinds.includes(kind))!;
  const has = (upload: ConformanceUpload, ability: VariantAbility): boolean => variantOf(upload).abilities?.includes(ability) ?? false;
  const context = () => ({ signal: AbortSignal.timeout(10_000) });

  describe.each(subject.uploads)('abilities of $kind as $variant', (upload) => {
    const file = fixture(upload.fixture);
    const sent = async (marker: string) => (await rig().upload(upload, file, { filename: `${marker}.bin` })).forms;

    it('have their methods', () => {
      for (const ability of variantOf(upload).abilities ?? []) expect(rig().adapter[METHODS[ability]]).toBeInstanceOf(Function);
    });

    it('find an upload by its marker, and no other', async () => {
      if (!has(upload, 'find')) return expect(variantOf(upload).abilities ?? []).not.toContain('find');
      const marker = `ferry-${randomUUID()}-1`;
      const { variant } = upload;
      const find = (wanted: { marker: string; sizeBytes?: number }) => rig().adapter.findUpload!(rig().account, { variant, ...wanted }, context());
      await sent(`${marker}2`);
      expect(await find({ marker })).toBeUndefined();
      const forms = await sent(marker);
      expect(await find({ marker })).toMatchObject({ forms });
      expect(await find({ marker, sizeBytes: file.bytes.length })).toMatchObject({ forms });
      expect(await find({ marker, sizeBytes: file.bytes.length + 1 })).toBeUndefined();
    });

    it('check whether a reference lives, and delete it', async () => {
      const forms = await sent(`ferry-${randomUUID()}-1`);
      const check = async () => (await rig().adapter.checkReference?.(rig().account, forms, context()))?.state;
      if (has(upload, 'check')) expect(await check()).toBe('valid');
      else expect([undefined, 'unknown']).toContain(await check());
      if (!has(upload, 'delete')) return;
      const remove = () => rig().adapter.deleteUpload!(rig().account, forms, context());
      expect([await remove(), await remove()]).toEqual([true, false]);
      if (has(upload, 'check')) expect(await check()).toBe('gone');
    });
  });

  it('say gone of what the vendor does not know, if they say anything', async () => {
    const check = await rig().adapter.checkReference?.(rig().account, subject.unknownOrigin.forms, context());
    if (check) expect(check).toEqual({ state: 'gone' });
  });
};
