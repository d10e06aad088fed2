import { globSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

/** The workspace's root: this file always runs from its source. */
export const ROOT = join(__dirname, '../../..');

/** Paths from the root, sorted. */
export const find = (pattern: string): string[] =>
  globSync(pattern, { cwd: ROOT })
    .filter((file) => !/\.spec\.ts$|\/(testing|specs)\//.test(file))
    .sort();

/** The types of all apps and libraries, as the compiler sees them. */
export class Sources {
  readonly checker: ts.TypeChecker;
  private readonly program: ts.Program;

  constructor() {
    const { config, error } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (path) => ts.sys.readFile(path));
    if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'));
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    this.program = ts.createProgram(find('{apps,libs}/**/src/**/*.ts').map((file) => join(ROOT, file)), options);
    this.checker = this.program.getTypeChecker();
  }

  /** Path from the root and syntax of each of the program's files that the pattern finds. */
  files(pattern: string): { readonly path: string; readonly source: ts.SourceFile }[] {
    return find(pattern).flatMap((path) => {
      const source = this.program.getSourceFile(join(ROOT, path));
      return source ? [{ path, source }] : [];
    });
  }

  typeName(type: ts.Type): string {
    return this.checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation).replaceAll('readonly ', '');
  }

  /** What a promise gives. */
  awaited(type: ts.Type): ts.Type {
    return this.checker.getAwaitedType(type) ?? type;
  }
}

/** `apps/transfer/src/…` is `transfer`. */
export const projectOf = (path: string): string => relative('.', path).split(sep)[1]!;

export const visit = (node: ts.Node, visitor: (node: ts.Node) => void): void => {
  visitor(node);
  ts.forEachChild(node, (child) => visit(child, visitor));
};
