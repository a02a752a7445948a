//! What may be open at one place of a script: brackets, and in each of them the tokens that may hold a statement or an
//! expression open.

use super::{MAX_OPEN, TooDeep};

/// The brackets, the script itself first, and what is counted in them.
pub(super) struct Open {
    levels: Vec<Level>,
    count: usize,
    /// Nothing is taken back from here on.
    pub(super) blind: bool,
    /// The first bracket that closes nothing.
    pub(super) stray: Option<usize>,
}

/// What begins in a bracket, and ends with it.
struct Level {
    bracket: Bracket,
    /// Where it was opened, in bytes.
    at: usize,
    /// Tokens that may hold the statement open, until a `;`.
    statement: usize,
    /// Tokens that may hold the expression open, until a `,`.
    expression: usize,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Bracket {
    /// The script itself.
    Nothing,
    Round {
        /// After `if`, `for`, `while` or `with`.
        head: bool,
    },
    Square,
    /// A block, a body of a function or a class, or what cannot be told from one.
    Curly,
    /// An object.
    Object,
    /// `${`
    Hole,
    /// `<` in TypeScript: a comparison, or the arguments of a type.
    Angle,
}

impl Open {
    pub(super) fn new() -> Self {
        let script = Level {
            bracket: Bracket::Nothing,
            at: 0,
            statement: 0,
            expression: 0,
        };
        Self {
            levels: vec![script],
            count: 0,
            blind: false,
            stray: None,
        }
    }

    /// Counts tokens of the statement and of the expression.
    pub(super) fn add(
        &mut self,
        at: usize,
        statement: usize,
        expression: usize,
    ) -> Result<(), TooDeep> {
        if let Some(level) = self.levels.last_mut() {
            level.statement += statement;
            level.expression += expression;
        }
        self.count += statement + expression;
        self.check_room(at, 0)
    }

    /// Whether so much more may be open.
    pub(super) fn check_room(&self, at: usize, more: usize) -> Result<(), TooDeep> {
        if self.count + more > MAX_OPEN {
            return Err(TooDeep { at });
        }
        Ok(())
    }

    pub(super) fn push(&mut self, at: usize, bracket: Bracket) -> Result<(), TooDeep> {
        self.levels.push(Level {
            bracket,
            at,
            statement: 1,
            expression: 0,
        });
        self.count += 1;
        self.check_room(at, 0)
    }

    /// Closes the innermost bracket if it is of the kind that `fits`, and the comparisons in it.
    pub(super) fn pop(&mut self, at: usize, fits: impl Fn(Bracket) -> bool) -> Option<Bracket> {
        if self.blind {
            return None;
        }
        self.pop_angles();
        if !fits(self.innermost()) {
            self.stray.get_or_insert(at);
            return None;
        }
        self.pop_level()
    }

    /// Ends the comparisons and types that seem to be open.
    pub(super) fn pop_angles(&mut self) {
        while self.innermost() == Bracket::Angle && !self.blind {
            self.pop_level();
        }
    }

    /// Ends one of them.
    pub(super) fn pop_angle(&mut self) {
        if self.innermost() == Bracket::Angle && !self.blind {
            self.pop_level();
        }
    }

    fn pop_level(&mut self) -> Option<Bracket> {
        let level = self.levels.pop()?;
        self.count -= level.statement + level.expression;
        Some(level.bracket)
    }

    pub(super) fn end_expression(&mut self) {
        if let Some(level) = self.levels.last_mut().filter(|_| !self.blind) {
            self.count -= level.expression;
            level.expression = 0;
        }
    }

    /// Ends the expression, too. What the bracket itself counts stays.
    pub(super) fn end_statement(&mut self) {
        self.end_expression();
        if let Some(level) = self.levels.last_mut().filter(|_| !self.blind) {
            let bracket = usize::from(level.bracket != Bracket::Nothing).min(level.statement);
            self.count -= level.statement - bracket;
            level.statement = bracket;
        }
    }

    pub(super) fn innermost(&self) -> Bracket {
        self.levels
            .last()
            .map_or(Bracket::Nothing, |level| level.bracket)
    }

    /// Whether nothing is open but comparisons and types.
    pub(super) fn is_outermost(&self) -> bool {
        let mut brackets = self.levels.iter().rev().map(|level| level.bracket);
        brackets.find(|bracket| *bracket != Bracket::Angle) == Some(Bracket::Nothing)
    }

    /// The first bracket that is still open, where that can be told.
    pub(super) fn unclosed(&self) -> Option<usize> {
        let unclosed = self
            .levels
            .iter()
            .find(|level| !matches!(level.bracket, Bracket::Nothing | Bracket::Angle));
        unclosed.map(|level| level.at).filter(|_| !self.blind)
    }
}
