// All open issues of a repository, page by page, as GitHub's REST API gives them.

import { credential, defineStep } from "@lockstep/step";

interface Input {
  api: string;
  repository: string;
}

interface Issue {
  number: number;
  title: string;
}

export default defineStep(async ({ api, repository }: Input) => {
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${credential("GITHUB_TOKEN")}`,
  };
  let pages = 0;
  const issues: Issue[] = [];
  let url: string | undefined = `${api}/repos/${repository}/issues?per_page=100`;
  while (url !== undefined) {
    const response: Response = await fetch(url, { headers });
    if (!response.ok) throw new Error(`GitHub answered ${response.status} ${response.statusText}`);
    issues.push(...((await response.json()) as Issue[]));
    pages += 1;
    url = next(response.headers.get("link"));
  }
  return { pages, issues: issues.length, first: issues[0]?.title, last: issues.at(-1)?.title };
});

/** Where the header `link` says that the next page is (RFC 8288). */
function next(link: string | null): string | undefined {
  return link?.match(/<([^>]+)>;\s*rel="next"/)?.[1];
}
