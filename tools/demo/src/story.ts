import { setTimeout as pause } from 'node:timers/promises';
import type { LineageGraph } from '@ferry/contracts';
import type { System } from '@ferry/devstack';
import { FerryClient, ProblemError, type Resolved } from './ferry-client';
import { dropAndRebuild } from './read-models';
import { bytes, seconds, type Screen } from './screen';
import { Vendors, type Counters, type Seeded } from './vendors';

const LINKED_WITHIN_MS = 10_000;

/** What `--json` prints, besides the time. */
export interface Outcome {
  downloads: number;
  uploads: number;
  bytes: number;
  cachedSecondCall: boolean;
  nativeReturned: boolean;
  refusedEarly: boolean;
  lineageEdges: number;
  events: number;
  rebuildEqual: boolean;
}

const totals = ({ pixverse, openai }: Counters) => ({
  requests: pixverse.requests + openai.requests,
  downloads: pixverse.downloads + openai.downloads,
  uploads: pixverse.uploads + openai.uploads,
  bytes: pixverse.bytesOut + openai.bytesOut,
});

/** The demo's journey, told step by step. Every expectation that does not hold is kept in `failures`. */
export class Story {
  readonly failures: string[] = [];
  private readonly ferry: FerryClient;
  private readonly vendors: Vendors;

  constructor(
    private readonly system: System,
    private readonly screen: Screen,
  ) {
    this.ferry = new FerryClient(system.gatewayUrl, system.apiKey);
    this.vendors = new Vendors(system.urls.simulator);
  }

  async tell(): Promise<Outcome> {
    const assetA = await this.registerPixverseVideo();
    const character = await this.moveToSora(assetA.assetId, assetA.seeded);
    const cachedSecondCall = await this.askAgain(assetA.assetId, character);
    const assetB = await this.makeVideoAtSora(assetA.assetId, character.reference.forms.id ?? '');
    const nativeReturned = await this.useAtItsOwnProvider(assetB.assetId, assetB.videoId);
    await this.moveToPixverse(assetB.assetId);
    const { assetId: assetC, refusedEarly } = await this.refuseAudio();
    const lineageEdges = await this.showLineage(assetA.assetId, assetB.assetId);
    const events = await this.showHistory(assetA.assetId, [assetB.assetId, assetC]);
    const rebuildEqual = await this.rebuildReadModels();
    const moved = totals(await this.vendors.counters());
    this.expect(moved.downloads === 2 && moved.uploads === 2, `the simulators counted 2 downloads and 2 uploads (${moved.downloads} and ${moved.uploads})`);
    return { ...{ downloads: moved.downloads, uploads: moved.uploads, bytes: moved.bytes }, cachedSecondCall, nativeReturned, refusedEarly, lineageEdges, events, rebuildEqual };
  }

  private async registerPixverseVideo(): Promise<{ assetId: string; seeded: Seeded }> {
    this.screen.chapter('Asset A: a video that was made at PixVerse');
    const seeded = await this.vendors.seed('pixverse', 'video', 'pixverse-harbour.mp4');
    const { assetId, created } = await this.ferry.register({
      kind: 'video',
      origin: { providerId: 'pixverse', forms: { id: seeded.id, idType: 'video', url: seeded.url } },
      declared: { mimeType: 'video/mp4' },
      personal: { filename: 'harbour.mp4' },
    });
    this.screen.fact('origin', `PixVerse video ${seeded.id}, ${bytes(seeded.sizeBytes)}`);
    this.screen.fact('asset A', assetId);
    this.expect(created, 'registered; nothing was moved yet');
    return { assetId, seeded };
  }

  private async moveToSora(assetId: string, { sha256, sizeBytes }: Seeded): Promise<Resolved> {
    this.screen.chapter('getAssetForProvider(A, "sora"): Sora takes a foreign video as a character');
    const { answer, took } = await this.timed('PixVerse → cache → Sora', this.ferry.resolve(assetId, 'sora'));
    this.showReference(answer, took);
    const { content, localPath } = await this.ferry.asset(assetId);
    this.screen.fact('cached at', localPath ?? 'nowhere');
    this.screen.fact('verified', `${content?.mimeType}, ${content?.width}×${content?.height}, ${content?.durationSeconds} s, sha256 ${content?.sha256.slice(0, 16)}…`);
    this.expect(content?.sha256 === sha256 && content.sizeBytes === sizeBytes, 'the cached bytes are those of PixVerse');
    this.expect(answer.reference.variant === 'character' && Boolean(answer.reference.forms.id), 'Sora gave a character');
    return answer;
  }

  private async askAgain(assetId: string, first: Resolved): Promise<boolean> {
    this.screen.chapter('The same call again');
    const before = await this.vendors.counters();
    const { answer, took } = await this.timed('asking again', this.ferry.resolve(assetId, 'sora'));
    this.screen.fact('answered in', seconds(took));
    const same = answer.reference.referenceId === first.reference.referenceId && answer.source === 'cached';
    return this.expect(same && (await this.nothingMovedSince(before)), 'the cached reference; the vendors saw no request at all');
  }

  private async makeVideoAtSora(parent: string, character: string): Promise<{ assetId: string; videoId: string }> {
    this.screen.chapter('Asset B: a job at Sora makes a video with that character');
    const making = this.vendors.makeSoraVideo('A lighthouse above the harbour at dusk', character);
    const { answer: videoId, took } = await this.timed('Sora renders', making);
    const { assetId } = await this.ferry.register({
      kind: 'video',
      origin: { providerId: 'sora', forms: { id: videoId, idType: 'video' } },
      parents: [{ parentAssetId: parent, relationType: 'character', operationType: 'generate', sequenceOrder: 0, jobId: videoId, providerId: 'sora' }],
      generation: { model: 'sora-2', jobId: videoId, outputIndex: 0 },
    });
    this.screen.fact('origin', `Sora video ${videoId}, made in ${seconds(took)}`);
    this.screen.fact('asset B', assetId);
    this.screen.fact('parent', `asset A ${parent}`);
    return { assetId, videoId };
  }

  private async useAtItsOwnProvider(assetId: string, videoId: string): Promise<boolean> {
    this.screen.chapter('getAssetForProvider(B, "sora"): its own provider, as source video');
    const before = await this.vendors.counters();
    const { answer, took } = await this.timed('asking', this.ferry.resolve(assetId, 'sora'));
    this.showReference(answer, took);
    const native = answer.source === 'native' && answer.reference.forms.id === videoId;
    return this.expect(native && (await this.nothingMovedSince(before)), "Sora's own reference; not a byte moved");
  }

  private async moveToPixverse(assetId: string): Promise<void> {
    this.screen.chapter('getAssetForProvider(B, "pixverse"): back across');
    const { answer, took } = await this.timed('Sora → cache → PixVerse', this.ferry.resolve(assetId, 'pixverse'));
    this.showReference(answer, took);
    const { content, localPath } = await this.ferry.asset(assetId);
    this.screen.fact('cached at', `${localPath}, ${bytes(content?.sizeBytes ?? 0)}`);
    this.expect(answer.reference.variant === 'media' && /^\d+$/.test(answer.reference.forms.id ?? ''), 'PixVerse gave a media id');
  }

  private async refuseAudio(): Promise<{ assetId: string; refusedEarly: boolean }> {
    this.screen.chapter('Asset C: sound, which Sora does not take');
    const seeded = await this.vendors.seed('pixverse', 'audio', 'pixverse-voice.mp3');
    const { assetId } = await this.ferry.register({
      kind: 'audio',
      origin: { providerId: 'pixverse', forms: { id: seeded.id, idType: 'media', url: seeded.url } },
      declared: { kind: 'audio', mimeType: 'audio/mpeg', sizeBytes: seeded.sizeBytes, durationSeconds: 3 },
    });
    const before = await this.vendors.counters();
    const problem = await problemOf(this.ferry.resolve(assetId, 'sora'));
    const violations = (problem?.details?.violations ?? []) as { limit: string; message: string }[];
    this.screen.fact('refused', `${problem?.status} ${problem?.code}: ${problem?.detail}`);
    for (const { limit, message } of violations) this.screen.fact(`  ${limit}`, message);
    const refused = problem?.code === 'TARGET_LIMITS' && violations.length > 0;
    return { assetId, refusedEarly: this.expect(refused && (await this.nothingMovedSince(before)), 'refused with every reason before a byte moved') };
  }

  private async showLineage(assetA: string, assetB: string): Promise<number> {
    this.screen.chapter('Where they come from');
    const [ofA, ofB] = await Promise.all([this.linked(assetA), this.linked(assetB)]);
    const named = (id: string) => (id === assetA ? 'A' : id === assetB ? 'B' : id);
    for (const { parentAssetId, childAssetId, relationType, operationType, providerId } of ofA.edges) {
      this.screen.fact('edge', `${named(parentAssetId)} ──${relationType}──▶ ${named(childAssetId)}   (${operationType} at ${providerId})`);
    }
    const right = ({ edges }: LineageGraph) => edges.length === 1 && edges[0]!.parentAssetId === assetA && edges[0]!.childAssetId === assetB;
    this.expect(right(ofA) && right(ofB), 'A and B tell the same');
    return ofA.edges.length;
  }

  /** The link is a reaction to the registration: it comes a moment later. */
  private async linked(assetId: string): Promise<LineageGraph> {
    const deadline = performance.now() + LINKED_WITHIN_MS;
    for (;;) {
      const graph = await this.ferry.lineage(assetId);
      if (graph.edges.length || performance.now() > deadline) return graph;
      await pause(100);
    }
  }

  private async showHistory(assetA: string, others: readonly string[]): Promise<number> {
    this.screen.chapter("A's history, from the event store");
    const { events } = await this.ferry.history(assetA);
    for (const { at, stream, revision, type } of events) {
      const category = stream.slice(0, stream.indexOf('-'));
      this.screen.fact(at.slice(11, 23), `${`${category}@${revision}`.padEnd(12)} ${type}`);
    }
    const rest = await Promise.all(others.map((assetId) => this.ferry.history(assetId)));
    const told = ['AssetRegistered', 'FileCached', 'UploadReleased', 'TransferCompleted'].every((type) => events.some((event) => event.type === type));
    this.expect(told, 'from registration to transfer nothing is missing');
    return rest.reduce((sum, answer) => sum + answer.events.length, events.length);
  }

  private async rebuildReadModels(): Promise<boolean> {
    this.screen.chapter('All read models are dropped and made again from the events');
    const { collections, documents, milliseconds, equal, different } = await this.screen.during('rebuilding', dropAndRebuild(this.system.urls.mongodb));
    this.screen.fact('rebuilt', `${documents} documents in ${collections} collections in ${seconds(milliseconds)}`);
    return this.expect(equal, equal ? 'equal to what they were, to the last field' : `different: ${different.join(', ') || 'there were none'}`);
  }

  private showReference({ reference }: Resolved, took: number): void {
    const { forms, variant, accountId, providerId, expiresAt } = reference;
    this.screen.fact('reference', `${forms.idType ?? variant} ${forms.id} at ${providerId} (account ${accountId}), ${expiresAt ? `until ${expiresAt}` : 'without an end'}`);
    this.screen.fact('answered in', seconds(took));
  }

  private async nothingMovedSince(before: Counters): Promise<boolean> {
    return totals(await this.vendors.counters()).requests === totals(before).requests;
  }

  private async timed<T>(what: string, work: Promise<T>): Promise<{ answer: T; took: number }> {
    const started = performance.now();
    return { answer: await this.screen.during(what, work), took: performance.now() - started };
  }

  private expect(held: boolean, what: string): boolean {
    this.screen.check(held, what);
    if (!held) this.failures.push(what);
    return held;
  }
}

async function problemOf(call: Promise<unknown>) {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
}
