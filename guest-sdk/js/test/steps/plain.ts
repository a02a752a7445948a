enum Level { Low = 1, High }
const level: Level = Level.High;
return { level, name: Level[level], input };
