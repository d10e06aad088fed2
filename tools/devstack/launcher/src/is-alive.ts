import { readFileSync } from 'node:fs';

/** Ended, and only kept in the process table until its parent asks how: an init process may take its time with orphans. */
const isZombie = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false; // no /proc here, or the process is gone by now: the signal below tells
  }
};

/** Whether a process with this id runs, whoever owns it. */
export const isAlive = (pid: number): boolean => {
  if (isZombie(pid)) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
