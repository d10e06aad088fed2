import type { AssetView, ProviderUrl } from '@ferry/contracts';
import { defined } from '@ferry/kernel';
import { Injectable } from '@nestjs/common';
import type { AssetDocument } from '../projections/assets.projection';
import { Projections } from '../projections/projections';
import type { RouteDocument } from '../projections/references.projection';

/** What one answer shows at most of routes that an asset was ever sent on. */
const MAX_ROUTES = 5_000;

/** Assets as clients see them, with what the other streams say of them. */
@Injectable()
export class AssetViews {
  constructor(private readonly projections: Projections) {}

  async of(owner: string, documents: readonly AssetDocument[]): Promise<AssetView[]> {
    const assetIds = documents.map(({ assetId }) => assetId);
    const { references, localFiles, accesses } = this.projections;
    const ofThese = { owner, assetId: { $in: assetIds } };
    const [routes, files, times] = await Promise.all([
      references.find({ ...ofThese, reference: { $exists: true } }).limit(MAX_ROUTES).toArray(),
      localFiles.find(ofThese).toArray(),
      accesses.find({ _id: { $in: assetIds } }).toArray(),
    ]);
    const now = Date.now();
    return documents.map((document) =>
      viewOf(document, {
        providerUrls: routes.filter(({ assetId }) => assetId === document.assetId).flatMap((route) => alive(route, now)),
        localPath: files.find(({ assetId }) => assetId === document.assetId)?.files[0]?.path,
        lastAccessedAt: times.find(({ _id }) => _id === document.assetId)?.lastAccessedAt,
      }),
    );
  }
}

/** The reference while the clock has not passed its end. */
const alive = ({ providerId, accountId, variant, reference }: RouteDocument, now: number): ProviderUrl[] => {
  if (!reference || (reference.expiresAt !== undefined && Date.parse(reference.expiresAt) <= now)) return [];
  return [{ providerId, accountId, variant, ...reference }];
};

const statusOf = ({ deleted, originLost, content }: AssetDocument): AssetView['status'] => {
  if (deleted) return 'deleted';
  if (originLost) return 'origin-lost';
  return content ? 'verified' : 'registered';
};

const viewOf = (document: AssetDocument, found: Pick<AssetView, 'providerUrls' | 'localPath' | 'lastAccessedAt'>): AssetView => {
  const { assetId, owner, kind, origin, capture, content, filename, registeredAt } = document;
  const { kind: _, ...facts } = content ?? {};
  return defined({
    assetId,
    owner,
    status: statusOf(document),
    kind,
    origin,
    capture,
    content: content && (facts as AssetView['content']),
    filename,
    registeredAt,
    ...found,
  });
};
