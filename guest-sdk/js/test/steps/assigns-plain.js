ctx.deadline = 0;
ctx.added = 1;
return { moved: ctx.deadline === 0, added: "added" in ctx };
