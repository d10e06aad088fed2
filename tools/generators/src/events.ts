import ts from 'typescript';
import { code, page, table } from './markdown';
import { projectOf, type Sources } from './sources';

const INTRODUCTION = `Every event type of Ferry, by stream. An app appends to its own streams only. All types and fields are fixed before
anything writes them, because history cannot be rewritten: some wait for a later version.

Each event also has metadata: \`$correlationId\`, \`$causationId\`, \`commandId\`, \`actor\`, \`owner\` and, where there is one, \`traceparent\`.
Fields with a \`?\` may be absent.`;

/** \`AssetEvent\` is of \`ASSET_CATEGORY\`. */
const categoryName = (union: string): string => `${union.replace(/Event$/, '').toUpperCase()}_CATEGORY`;

const constants = (source: ts.SourceFile): ReadonlyMap<string, string> =>
  new Map(
    source.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) =>
      declarationList.declarations.flatMap(({ name, initializer }) =>
        ts.isIdentifier(name) && initializer && ts.isStringLiteral(initializer) ? [[name.text, initializer.text] as const] : [],
      ),
    ),
  );

const commentBefore = (source: ts.SourceFile, from: number, to: number): string => {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source.text.slice(from, to))?.[1] ?? '';
  return comment.replaceAll(/\s*\n\s*\*?\s*/g, ' ').trim();
};

/** The types that fields have a name for, to be shown once, after the events. */
type Named = Map<string, ts.Type>;

/** Remembers a field's own type, or its elements', where it has a name of ours. */
const remember = (sources: Sources, type: ts.Type, named: Named): void => {
  if (sources.checker.isArrayType(type)) return remember(sources, sources.checker.getTypeArguments(type as ts.TypeReference)[0]!, named);
  const symbol = type.aliasSymbol ?? type.symbol;
  const isOurs = symbol?.declarations?.some((declaration) => /\/libs\/(kernel|domain)\//.test(declaration.getSourceFile().fileName));
  if (!isOurs || symbol.name.startsWith('__') || named.has(symbol.name)) return;
  named.set(symbol.name, type);
  if (!type.isUnion()) for (const field of type.getProperties()) remember(sources, typeOf(sources, field), named);
};

const typeOf = (sources: Sources, field: ts.Symbol): ts.Type => sources.checker.getNonNullableType(sources.checker.getTypeOfSymbol(field));

/** As it was written: the compiler may order a union's members otherwise from one run to the next. */
const writtenType = (declaration: ts.Declaration | undefined): string => {
  const isTyped = declaration && (ts.isPropertySignature(declaration) || ts.isTypeAliasDeclaration(declaration));
  if (!isTyped || !declaration.type) throw new Error(`${declaration?.getText() ?? 'A field'} has no written type.`);
  return declaration.type.getText().replaceAll('readonly ', '').replaceAll(/\s+/g, ' ').replace(/^\| /, '');
};

const fieldsOf = (sources: Sources, data: ts.Type, named: Named): string => {
  const rows = data.getProperties().map((field) => {
    const isOptional = (field.flags & ts.SymbolFlags.Optional) !== 0;
    const type = typeOf(sources, field);
    remember(sources, type, named);
    const meaning = ts.displayPartsToString(field.getDocumentationComment(sources.checker));
    return [code(`${field.name}${isOptional ? '?' : ''}`), code(writtenType(field.declarations?.[0])), meaning];
  });
  return rows.length ? table(['field', 'type', 'meaning'], rows) : 'No fields.';
};

const eventOf = (sources: Sources, member: ts.TypeNode, meaning: string, named: Named): string => {
  const type = sources.checker.getTypeFromTypeNode(member);
  const property = (name: string) => sources.checker.getTypeOfSymbol(type.getProperty(name)!);
  const title = `### ${(property('type') as ts.StringLiteralType).value}`;
  return [title, ...(meaning ? [meaning] : []), fieldsOf(sources, property('data'), named)].join('\n\n');
};

const typesSection = (sources: Sources, named: Named): string => {
  const described = [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => {
    const text = type.isUnion() ? code(writtenType(type.aliasSymbol?.declarations?.[0])) : fieldsOf(sources, type, named);
    return `### ${name}\n\n${text}`;
  });
  return ['## Types of fields', ...described].join('\n\n');
};

const streamOf = (sources: Sources, source: ts.SourceFile, alias: ts.TypeAliasDeclaration, writer: string, named: Named): string => {
  const union = alias.name.text;
  const category = constants(source).get(categoryName(union));
  if (category === undefined) throw new Error(`${source.fileName}: ${union} has no ${categoryName(union)}`);
  const members = ts.isUnionTypeNode(alias.type) ? [...alias.type.types] : [alias.type];
  const events = members.map((member, index) =>
    eventOf(sources, member, commentBefore(source, members[index - 1]?.end ?? alias.type.getFullStart(), member.getStart(source)), named),
  );
  return [`## ${code(`${category}*`)}`, `Written by ${code(writer)}.`, ...events].join('\n\n');
};

/** The one app that imports a domain's decider. */
const writerOf = (sources: Sources, domain: string): string => {
  const importsDecider = ({ source }: { source: ts.SourceFile }) =>
    source.statements.some((statement) => ts.isImportDeclaration(statement) && (statement.moduleSpecifier as ts.StringLiteral).text === `@ferry/domain/${domain}`);
  const apps = [...new Set(sources.files('apps/**/src/**/*.ts').filter(importsDecider).map(({ path }) => projectOf(path)))];
  if (apps.length !== 1) throw new Error(`The decider of ${domain} is used by ${apps.join(', ') || 'no app'}; it must be one.`);
  return apps[0]!;
};

export const eventsPage = (sources: Sources): string => {
  const named: Named = new Map();
  const streams = sources.files('libs/domain/*/src/*.events.ts').flatMap(({ path, source }) => {
    const writer = writerOf(sources, path.split('/')[2]!);
    return source.statements
      .filter(ts.isTypeAliasDeclaration)
      .filter(({ name }) => name.text.endsWith('Event'))
      .map((alias) => streamOf(sources, source, alias, writer, named));
  });
  return page('Events', INTRODUCTION, ...streams, typesSection(sources, named));
};
