import ts from 'typescript';
import { code, table } from './markdown';
import { projectOf, visit, type Sources } from './sources';

/** Which services read a library's class: those whose module brings it. */
const READERS: Readonly<Record<string, string>> = {
  HostConfig: 'every service',
  StoresConfig: 'asset-catalog, transfer, lineage',
  ProvidersConfig: 'asset-catalog, transfer, gateway',
  ProviderHostSettings: 'provider-*',
};

interface Variable {
  readonly name: string;
  readonly readers: readonly string[];
  readonly fallback: string;
  readonly meaning: string;
}

const fallbackOf = ({ initializer, questionToken }: ts.PropertyDeclaration): string => {
  if (initializer) return code(ts.isStringLiteral(initializer) ? initializer.text : initializer.getText().replaceAll('_', ''));
  return questionToken ? 'none' : '**required**';
};

const variablesOf = (sources: Sources, path: string, type: ts.ClassDeclaration): Variable[] => {
  const reader = path.startsWith('apps/') ? projectOf(path) : READERS[type.name!.text];
  if (!reader) throw new Error(`${path}: say in READERS which services read ${type.name!.text}.`);
  return type.members
    .filter(ts.isPropertyDeclaration)
    .filter(({ name }) => /^[A-Z][A-Z0-9_]+$/.test(name.getText()))
    .map((property) => ({
      name: property.name.getText(),
      readers: [reader],
      fallback: fallbackOf(property),
      meaning: ts.displayPartsToString(sources.checker.getSymbolAtLocation(property.name)!.getDocumentationComment(sources.checker)),
    }));
};

/** Two classes may name one variable: it is one line. */
const merged = (variables: readonly Variable[]): Variable[] => {
  const byName = new Map<string, Variable>();
  for (const variable of variables) {
    const known = byName.get(variable.name);
    byName.set(variable.name, known ? { ...known, meaning: known.meaning || variable.meaning, readers: [...known.readers, ...variable.readers] } : variable);
  }
  return [...byName.values()];
};

const ACCOUNTS: Variable = {
  name: '{PROVIDER}_ACCOUNTS',
  readers: ['provider-*'],
  fallback: '**required**, or the file',
  meaning: 'JSON list of the accounts at the vendor: `[{ "accountId", "apiKey", "owners": […], "defaultFor": […]? }]`.',
};
const ACCOUNTS_FILE: Variable = { ...ACCOUNTS, name: '{PROVIDER}_ACCOUNTS_FILE', fallback: 'none', meaning: 'A file with the same JSON, instead of the variable.' };

const RATE_LIMITS: Variable = {
  ...ACCOUNTS_FILE,
  name: '{PROVIDER}_RATE_LIMITS',
  meaning: 'JSON, in the place of the limits that the adapter knows of an account: `{ "upload": { "concurrency", "requestsPerSecond", "bytesPerSecond" }?, "download": { … }? }`.',
};

/** Every environment variable that a service reads. */
export const configurationTable = (sources: Sources): string => {
  const found: Variable[] = [];
  for (const { path, source } of sources.files('{apps,libs}/**/src/**/*.ts')) {
    visit(source, (node) => {
      if (ts.isClassDeclaration(node) && /(Config|Settings)$/.test(node.name?.text ?? '')) found.push(...variablesOf(sources, path, node));
    });
  }
  const order = (variable: Variable) => (variable.readers.includes('every service') ? 0 : variable.readers.length > 1 || variable.readers[0]!.includes(',') ? 1 : 2);
  const variables = [...merged(found), ACCOUNTS, ACCOUNTS_FILE, RATE_LIMITS].sort((a, b) => order(a) - order(b));
  return table(['variable', 'read by', 'default', 'meaning'], variables.map(({ name, readers, fallback, meaning }) => [code(name), readers.join(', '), fallback, meaning]));
};
