import * as contracts from '@ferry/contracts';
import ts from 'typescript';
import { code, page, table } from './markdown';
import { projectOf, visit, type Sources } from './sources';

const INTRODUCTION = `Every NATS subject of Ferry. A request is answered by one member of its service's queue group; those that name a worker, a cache
node, a run or a job are answered by the one process that has it. The classes are in \`libs/contracts\`; each request is validated by its own.`;

interface Answerer {
  readonly by: string;
  readonly request: string;
  readonly answer: string;
}

const provider = contracts.providerSubjects('{providerId}');

/** Subjects that are made from ids, by the function or member that makes them. */
const MADE: Readonly<Record<string, string>> = {
  describe: provider.describe,
  authorize: provider.authorize,
  start: provider.start,
  findUpload: provider.findUpload,
  deleteUpload: provider.deleteUpload,
  checkReference: provider.checkReference,
  job: provider.job('{runId}', '{attempt}' as unknown as number),
  releaseSubject: contracts.releaseSubject('{transferId}'),
  acceptedSubject: contracts.acceptedSubject('{transferId}'),
  holdsSubject: contracts.holdsSubject('{workerId}'),
  cacheNodeSubject: contracts.cacheNodeSubject('{nodeId}'),
};

const NOTICES: Readonly<Record<string, string>> = {
  beatSubject: contracts.beatSubject('{workerId}'),
  cacheNodeBeatSubject: contracts.cacheNodeBeatSubject('{nodeId}'),
  cacheRollCallSubject: contracts.cacheRollCallSubject(),
  placeGivenSubject: contracts.placeGivenSubject(),
  endedSubject: contracts.endedSubject('{routeId}'),
  jobProgressSubject: contracts.jobProgressSubject('{runId}'),
  transferProgressSubject: contracts.transferProgressSubject('{transferId}'),
  downloadProgressSubject: contracts.downloadProgressSubject('{downloadId}'),
};

/** What an expression names: `SUBJECTS.cache.open`, `releaseSubject(id)`, `subjects.start`, or a constant that holds one of them. */
const subjectOf = (sources: Sources, expression: ts.Expression): string | undefined => {
  if (ts.isCallExpression(expression)) return subjectOf(sources, expression.expression);
  const text = expression.getText();
  const [, group, name] = /^SUBJECTS\.(\w+)\.(\w+)$/.exec(text) ?? [];
  if (group && name) return (contracts.SUBJECTS as Readonly<Record<string, Readonly<Record<string, string>>>>)[group]?.[name];
  const last = text.split('.').at(-1)!;
  const made = MADE[last] ?? NOTICES[last];
  if (made !== undefined || !ts.isIdentifier(expression)) return made;
  const declaration = sources.checker.getSymbolAtLocation(expression)?.valueDeclaration;
  return declaration && ts.isVariableDeclaration(declaration) && declaration.initializer ? subjectOf(sources, declaration.initializer) : undefined;
};

/** The adapters share one host. */
const answererName = (path: string): string => (path.startsWith('apps/') ? projectOf(path) : 'provider-{providerId}');

const ofHandlerMethod = (sources: Sources, path: string, method: ts.MethodDeclaration): [string, Answerer] | undefined => {
  const pattern = ts.getDecorators(method)?.map(({ expression }) => expression).find((call) => ts.isCallExpression(call) && call.expression.getText() === 'MessagePattern');
  if (!pattern || !ts.isCallExpression(pattern)) return undefined;
  const subject = subjectOf(sources, pattern.arguments[0]!);
  if (subject === undefined) throw new Error(`${path}: no subject known as ${pattern.arguments[0]!.getText()}`);
  const returned = sources.checker.getSignatureFromDeclaration(method)!.getReturnType();
  const request = method.parameters[0]?.type?.getText() ?? '';
  return [subject, { by: answererName(path), request, answer: sources.typeName(sources.awaited(returned)) }];
};

const ofRespondCall = (sources: Sources, path: string, call: ts.CallExpression): [string, Answerer] | undefined => {
  if (!/\.(respond|serve)$/.test(call.expression.getText())) return undefined;
  const [first, request, handler] = call.arguments;
  const subject = first && subjectOf(sources, first);
  if (subject === undefined || !request || !handler) throw new Error(`${path}: no subject known as ${first?.getText()}`);
  const returned = sources.checker.getTypeAtLocation(handler).getCallSignatures()[0]!.getReturnType();
  return [subject, { by: answererName(path), request: request.getText(), answer: sources.typeName(sources.awaited(returned)) }];
};

const ofPublishCall = (sources: Sources, path: string, call: ts.CallExpression): string[] | undefined => {
  if (!/\.publish$/.test(call.expression.getText())) return undefined;
  const [first, data] = call.arguments;
  const subject = first && subjectOf(sources, first);
  if (subject === undefined || !data) throw new Error(`${path}: no subject known as ${first?.getText()}`);
  return [code(subject), code(answererName(path)), code(sources.typeName(sources.checker.getTypeAtLocation(data)))];
};

export const subjectsPage = (sources: Sources): string => {
  const answered = new Map<string, Answerer>();
  const notices: string[][] = [];
  for (const { path, source } of sources.files('{apps,libs/provider-sdk}/**/src/**/*.ts')) {
    visit(source, (node) => {
      const answerer = ts.isMethodDeclaration(node) ? ofHandlerMethod(sources, path, node) : ts.isCallExpression(node) ? ofRespondCall(sources, path, node) : undefined;
      if (answerer) answered.set(...answerer);
      const notice = ts.isCallExpression(node) ? ofPublishCall(sources, path, node) : undefined;
      if (notice) notices.push(notice);
    });
  }
  const all = [...Object.values(contracts.SUBJECTS).flatMap((group) => Object.values(group)), ...Object.values(MADE)];
  const rows = all.map((subject) => {
    const { by, request, answer } = answered.get(subject) ?? { by: '', request: '', answer: '' };
    return [code(subject), code(by) || 'nobody yet', code(request), answer === 'never' ? 'always refused' : code(answer)];
  });
  return page(
    'Subjects',
    INTRODUCTION,
    `## Requests\n\n${table(['subject', 'answered by', 'request', 'answer'], rows)}`,
    `## Notices\n\nEvery subscriber gets them; one that is lost is made up for by asking again.\n\n${table(['subject', 'sent by', 'data'], notices)}`,
  );
};
