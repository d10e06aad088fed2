/**
 * Every NATS subject of Ferry. Names are noun, then verb. A `*` stands for one token.
 * Requests are answered by one member of the service's queue group, except those that name a worker, run or job.
 */
export const SUBJECTS = {
  catalog: {
    register: 'catalog.assets.register',
    get: 'catalog.assets.get',
    list: 'catalog.assets.list',
    remove: 'catalog.assets.delete',
    history: 'catalog.assets.history',
    loseOrigin: 'catalog.origins.lose',
    rebuild: 'catalog.projections.rebuild',
  },
  transfer: {
    resolve: 'transfer.routes.resolve',
    invalidate: 'transfer.references.invalidate',
    get: 'transfer.transfers.get',
    list: 'transfer.transfers.list',
    retry: 'transfer.transfers.retry',
    cancel: 'transfer.transfers.cancel',
    plan: 'transfer.routes.plan',
    check: 'transfer.references.check',
    warm: 'transfer.downloads.request',
    captures: 'transfer.captures.list',
    requestWarming: 'transfer.warmings.request',
    getWarming: 'transfer.warmings.get',
    listWarmings: 'transfer.warmings.list',
    cancelWarming: 'transfer.warmings.cancel',
  },
  cache: {
    open: 'cache.downloads.open',
    follow: 'cache.downloads.follow',
    acquire: 'cache.leases.acquire',
    renew: 'cache.leases.renew',
    release: 'cache.leases.release',
    pin: 'cache.files.pin',
    unpin: 'cache.files.unpin',
    releaseLastCopy: 'cache.files.release',
    usage: 'cache.usage.get',
    statistics: 'cache.statistics.get',
    forecast: 'cache.forecast.get',
    skipCapture: 'cache.captures.skip',
  },
  lineage: {
    link: 'lineage.parents.link',
    unlink: 'lineage.parents.unlink',
    graph: 'lineage.graph.get',
    rebuild: 'lineage.projections.rebuild',
  },
} as const;

export const providerSubjects = (providerId: string) =>
  ({
    describe: `providers.${providerId}.describe`,
    authorize: `providers.${providerId}.accounts.authorize`,
    start: `providers.${providerId}.jobs.start`,
    findUpload: `providers.${providerId}.uploads.find`,
    deleteUpload: `providers.${providerId}.uploads.delete`,
    checkReference: `providers.${providerId}.references.check`,
    /** Answered by the one adapter process that runs, or in the last 10 minutes ran, the job. */
    job: (runId: string, attempt: number) => `providers.${providerId}.jobs.${runId}.${attempt}`,
  }) as const;

/** Asked of the one transfer worker that holds the run's claim. */
export const releaseSubject = (transferId: string): string => `transfer.runs.${transferId}.release`;
/** As the release: told once the vendor has all of the upload, and still processes it. */
export const acceptedSubject = (transferId: string): string => `transfer.runs.${transferId}.accepted`;
/** "Do you hold this run?", asked of one worker. */
export const holdsSubject = (workerId: string): string => `transfer.worker.${workerId}.holds`;
/** Asked of the one cache node that has this disk. */
export const cacheNodeSubject = (nodeId: string): string => `cache.nodes.${nodeId}.ask`;
/** Sent each second by each cache node, when another one calls, and when it leaves. */
export const CACHE_NODE_BEAT_SUBJECT = 'cache.nodes.*.beat';
export const cacheNodeBeatSubject = (nodeId: string): string => `cache.nodes.${nodeId}.beat`;
/** "Who is there?", sent by a cache node that starts: all others beat at once. */
export const cacheRollCallSubject = (): string => 'cache.roll-call';
/** Sent by the cache node that gave a place for an attempt: older attempts at other nodes are broken off. */
export const placeGivenSubject = (): string => 'cache.downloads.opened';
/** Sent each second by each worker. */
export const BEAT_SUBJECT = 'transfer.worker.*.beat';
export const beatSubject = (workerId: string): string => `transfer.worker.${workerId}.beat`;
/** Sent several times a second by the adapter that runs the job. */
export const JOB_PROGRESS_SUBJECT = 'jobs.progress.*';
export const jobProgressSubject = (runId: string): string => `jobs.progress.${runId}`;
/** Sent at least four times a second by the worker that is at the run. */
export const TRANSFER_PROGRESS_SUBJECT = 'transfers.progress.*';
export const transferProgressSubject = (transferId: string): string => `transfers.progress.${transferId}`;
export const downloadProgressSubject = (downloadId: string): string => `downloads.progress.${downloadId}`;
/** Sent when a route's run ends, with its outcome and position. */
export const endedSubject = (routeId: string): string => `routes.${routeId}.ended`;
