const token = await Promise.resolve(credential("TOKEN"));
return { length: token.length, input, attempt: ctx.attempt };
