/** Stages of MongoDB that are refused by name. */
export const REFUSED_STAGES: ReadonlySet<string> = new Set([
  '$changeStream', '$changeStreamSplitLargeEvent', '$geoNear', '$search', '$searchMeta', '$vectorSearch', '$rankFusion', '$score',
  '$redact', '$sample', '$setWindowFields', '$densify', '$fill', '$indexStats', '$collStats', '$planCacheStats', '$currentOp',
  '$listLocalSessions', '$listSessions', '$listSampledQueries', '$listSearchIndexes', '$listClusterCatalog', '$querySettings',
  '$queryStats', '$shardedDataDistribution', '$bucket', '$bucketAuto', '$documents',
]);

const SUPPORTED_STAGES: ReadonlySet<string> = new Set([
  '$match', '$sort', '$skip', '$limit', '$count', '$facet', '$group', '$sortByCount', '$unwind', '$lookup', '$graphLookup', '$unionWith',
  '$addFields', '$set', '$unset', '$project', '$replaceRoot', '$replaceWith', '$out', '$merge',
]);

/** Whether MongoDB has a stage of this name; all others are unknown. */
export const isStage = (name: string): boolean => SUPPORTED_STAGES.has(name) || REFUSED_STAGES.has(name);
