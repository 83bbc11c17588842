// SPDX-License-Identifier: Apache-2.0
// What a pass of the kernel's build says when the sources have something it cannot do right: where, what, and what to write instead.

/** Thrown by a pass; the pipeline turns the place in the bundle into one in the sources. */
export class Refusal extends Error {
  /**
   * @param pass name of the pass
   * @param path Babel path of what it cannot do
   * @param what one clause: what is there
   * @param instead one clause: what to write instead
   */
  constructor(pass, path, what, instead) {
    super(`${pass}: ${what} (${instead})`);
    this.name = 'Refusal';
    this.position = path.node?.loc?.start ?? path.parentPath?.node?.loc?.start;
    this.functionName = functionAround(path);
  }
}

/** Name of the top-level function a path is in; undefined outside all of them. */
const functionAround = (path) => {
  const declarator = path.findParent(
    (one) => one.isVariableDeclarator() && one.parentPath.parentPath.isProgram(),
  );
  const declaration = path.findParent(
    (one) => one.isFunctionDeclaration() && one.parentPath.isProgram(),
  );
  return declaration?.node.id.name ?? declarator?.node.id.name;
};
