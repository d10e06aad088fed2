import type { CacheForecast, CacheNodeForecast, CacheNodeStatistics, CacheStatistics } from '@ferry/contracts';
import type { FerryError } from '@ferry/kernel';

interface OfAll<Answer> {
  readonly nodes: Answer[];
  readonly silentNodes: string[];
  readonly failures: FerryError[];
}

/** Asks all nodes at once. */
const askAll = async <Answer>(nodeIds: readonly string[], ask: (nodeId: string) => Promise<Answer>): Promise<OfAll<Answer>> => {
  const answers = await Promise.allSettled(nodeIds.map(ask));
  return {
    nodes: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    silentNodes: nodeIds.filter((_, at) => answers[at]?.status === 'rejected'),
    failures: answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as FerryError] : [])),
  };
};

export const statisticsOfAll = async (nodeIds: readonly string[], ask: (nodeId: string) => Promise<CacheNodeStatistics>): Promise<CacheStatistics> => {
  const { nodes, silentNodes } = await askAll(nodeIds, ask);
  return { nodes, silentNodes };
};

/** A forecast of some nodes, while others still read, would be taken for one of all. */
export const forecastOfAll = async (nodeIds: readonly string[], ask: (nodeId: string) => Promise<CacheNodeForecast>): Promise<CacheForecast> => {
  const { nodes, silentNodes, failures } = await askAll(nodeIds, ask);
  const pending = failures.find(({ code }) => code === 'CACHE_FORECAST_PENDING');
  if (pending) throw pending;
  if (!nodes.length) throw failures[0]!;
  return { nodes, silentNodes };
};
