export interface TrieEntry {
  subject: string;
  queue?: string;
}

export interface Matches<T> {
  plain: T[];
  /** Members by queue group; a group gets one copy whichever of its subscriptions match. */
  queues: Map<string, T[]>;
}

class Node<T> {
  readonly children = new Map<string, Node<T>>();
  one?: Node<T>;
  tail?: Node<T>;
  readonly plain = new Set<T>();
  readonly queues = new Map<string, Set<T>>();

  isEmpty(): boolean {
    return this.children.size === 0 && !this.one && !this.tail && this.plain.size === 0 && this.queues.size === 0;
  }
}

/** Subscriptions by subject token: a look-up costs the number of tokens, not the number of subscriptions. */
export class SubjectTrie<T extends TrieEntry> {
  private root = new Node<T>();

  add(entry: T): void {
    let node = this.root;
    for (const token of entry.subject.split('.')) node = childOf(node, token);
    if (entry.queue === undefined) {
      node.plain.add(entry);
      return;
    }
    const group = node.queues.get(entry.queue) ?? new Set();
    node.queues.set(entry.queue, group.add(entry));
  }

  /** Branches that end empty are cut, so that short-lived inboxes leave nothing behind. */
  remove(entry: T): void {
    removeFrom(this.root, entry, entry.subject.split('.'), 0);
  }

  match(subject: string): Matches<T> {
    const matches: Matches<T> = { plain: [], queues: new Map() };
    const tokens = subject.split('.');
    if (!tokens.includes('')) collect(this.root, tokens, 0, matches);
    return matches;
  }

  isEmpty(): boolean {
    return this.root.isEmpty();
  }
}

function childOf<T>(node: Node<T>, token: string): Node<T> {
  if (token === '*') return (node.one ??= new Node());
  if (token === '>') return (node.tail ??= new Node());
  const child = node.children.get(token) ?? new Node<T>();
  node.children.set(token, child);
  return child;
}

function removeFrom<T extends TrieEntry>(node: Node<T>, entry: T, tokens: string[], depth: number): void {
  const token = tokens[depth];
  if (token === undefined) {
    removeHere(node, entry);
    return;
  }
  const child = token === '*' ? node.one : token === '>' ? node.tail : node.children.get(token);
  if (!child) return;
  removeFrom(child, entry, tokens, depth + 1);
  if (!child.isEmpty()) return;
  if (token === '*') node.one = undefined;
  else if (token === '>') node.tail = undefined;
  else node.children.delete(token);
}

function removeHere<T extends TrieEntry>(node: Node<T>, entry: T): void {
  if (entry.queue === undefined) {
    node.plain.delete(entry);
    return;
  }
  const group = node.queues.get(entry.queue);
  group?.delete(entry);
  if (group?.size === 0) node.queues.delete(entry.queue);
}

function collect<T>(node: Node<T>, tokens: string[], depth: number, matches: Matches<T>): void {
  const token = tokens[depth];
  if (token === undefined) {
    take(node, matches);
    return;
  }
  if (node.tail) take(node.tail, matches);
  const child = node.children.get(token);
  if (child) collect(child, tokens, depth + 1, matches);
  if (node.one) collect(node.one, tokens, depth + 1, matches);
}

function take<T>(node: Node<T>, matches: Matches<T>): void {
  for (const entry of node.plain) matches.plain.push(entry);
  for (const [queue, members] of node.queues) {
    const known = matches.queues.get(queue);
    if (known) known.push(...members);
    else matches.queues.set(queue, [...members]);
  }
}
