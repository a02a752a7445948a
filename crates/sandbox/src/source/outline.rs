//! One pass over the bytes of a script before it is parsed: whether it is a module, and how deep the parser would go.
//!
//! The parser recurses, and cannot be told to stop. What makes it recurse are tokens: a bracket that is open, an operator,
//! a keyword, or a `${`. This pass counts those of them that can be open at the same time, never too few: a name, a number
//! or a closing bracket does not count, a `,` ends the expression before it, a `;` the statement. Far more than a person or
//! a bundler writes is refused.
//!
//! Whether `/` begins a regular expression cannot always be told without a parser. Where it makes a difference, the pass
//! counts on without taking anything back.

use super::text::Text;
use super::{Form, Language};
use open::{Bracket, Open};

mod literal;
mod open;

/// What may be open at the same time. Bundles have some hundreds; sums that are written by programs some thousands. The
/// stack (`room.rs`) is sized by it; and what the parser tries in two ways takes time by its square, 2 s at the worst.
pub(super) const MAX_OPEN: usize = 4_000;

/// What the pass found.
pub(super) struct Outline {
    pub(super) form: Form,
    /// The first bracket that closes nothing.
    pub(super) stray: Option<usize>,
    /// The first bracket that nothing closes.
    pub(super) unclosed: Option<usize>,
}

/// More is open than [`MAX_OPEN`].
#[derive(Debug)]
pub(super) struct TooDeep {
    /// Where.
    pub(super) at: usize,
}

/// The token before.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Last {
    /// Nothing, an operator, or an opening bracket: an operand follows, and `/` begins a regular expression.
    Operator,
    /// A name, a literal, or a closing bracket after which `/` divides.
    Operand,
    /// `)` of the head of a statement.
    Head,
    /// `}` of what may be a block.
    Block,
    /// Whether an operand follows cannot be told.
    Either,
    /// `.` or `?.`: a name follows, whatever it looks like.
    Dot,
    /// A keyword before a round bracket makes it the head of a statement.
    HeadWord,
    /// `;`
    Semicolon,
    Comma,
    /// `:`
    Colon,
    /// `?`, or a word after which a `:` ends no label.
    NoLabel,
}

struct Pass<'t> {
    bytes: &'t [u8],
    text: &'t str,
    typescript: bool,
    at: usize,
    open: Open,
    last: Last,
    before_last: Last,
    /// A line feed stands before the token.
    new_line: bool,
    /// After a `;`: the statement is over, unless `else` or `while` follows.
    ending: bool,
    /// An `import` that is a declaration unless `(` or `.` follows.
    importing: bool,
    module: bool,
}

/// Looks over a script.
pub(super) fn of(text: &Text<'_>, language: Language) -> Result<Outline, TooDeep> {
    let mut pass = Pass::new(text.code(), language);
    while pass.at < pass.bytes.len() {
        if !pass.token()? {
            break;
        }
    }
    Ok(pass.outline())
}

impl<'t> Pass<'t> {
    fn new(text: &'t str, language: Language) -> Self {
        Self {
            bytes: text.as_bytes(),
            text,
            typescript: language == Language::TypeScript,
            at: 0,
            open: Open::new(),
            last: Last::Semicolon,
            before_last: Last::Semicolon,
            new_line: true,
            ending: false,
            importing: false,
            module: false,
        }
    }

    fn outline(self) -> Outline {
        Outline {
            form: if self.module {
                Form::Module
            } else {
                Form::Plain
            },
            stray: self.open.stray,
            unclosed: self.open.unclosed(),
        }
    }

    /// Passes one token, or what is between tokens. `false`: the lexer of the parser stops here.
    fn token(&mut self) -> Result<bool, TooDeep> {
        let byte = self.bytes[self.at];
        match byte {
            b'\n' | b'\r' => {
                self.new_line = true;
                self.at += 1;
                return Ok(true);
            }
            b' ' | b'\t' | 0x0b | 0x0c => {
                self.at += 1;
                return Ok(true);
            }
            b'/' if matches!(self.byte(1), b'/' | b'*') && !self.open.blind => {
                return Ok(self.comment());
            }
            _ => {}
        }
        self.after_import(byte);
        self.after_semicolon(byte);
        match byte {
            b'"' | b'\'' if !self.open.blind => return Ok(self.string(byte)),
            b'`' => return self.template(),
            b'/' if !self.open.blind => return self.slash(),
            b'0'..=b'9' => self.number()?,
            _ if is_word(byte) => return self.word().map(|()| true),
            _ if !byte.is_ascii() => return Ok(self.foreign()),
            _ => self.punctuation(byte)?,
        }
        self.new_line = false;
        Ok(true)
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts(&self, with: &str) -> bool {
        self.bytes[self.at..].starts_with(with.as_bytes())
    }

    /// An `import` declares a module unless it is `import(..)` or `import.meta`.
    fn after_import(&mut self, byte: u8) {
        if self.importing {
            self.importing = false;
            self.module |= byte != b'(' && byte != b'.';
        }
    }

    /// A `;` ends the statement, unless `else` or `while` follows: `word` looks for them.
    fn after_semicolon(&mut self, byte: u8) {
        if self.ending && !is_word(byte) && !matches!(byte, b'}' | b')' | b']') {
            self.ending = false;
            self.open.end_statement();
        }
    }

    fn set_last(&mut self, last: Last) {
        self.before_last = self.last;
        self.last = last;
    }

    fn operand(&mut self) {
        self.set_last(Last::Operand);
        self.new_line = false;
    }

    /// A character that is not ASCII: of a name, blank, or wrong.
    fn foreign(&mut self) -> bool {
        let Some(character) = self.text[self.at..].chars().next() else {
            return false;
        };
        self.at += character.len_utf8();
        if matches!(character, '\u{2028}' | '\u{2029}') {
            self.new_line = true;
        } else if character.is_alphanumeric() {
            while is_word(self.byte(0)) {
                self.at += 1;
            }
            self.operand();
        }
        true
    }

    fn word(&mut self) -> Result<(), TooDeep> {
        let start = self.at;
        while is_word(self.byte(0)) {
            self.at += 1;
        }
        let bytes = self.bytes;
        let word = &bytes[start..self.at];
        let name = self.last == Last::Dot;
        let (mut statement, expression, last) = if name {
            (0, 0, Last::Operand)
        } else {
            meaning(word)
        };
        if self.last == Last::Block && !name && !continues(word) {
            self.open.end_statement();
        }
        if self.ending {
            self.ending = false;
            if !matches!(word, b"else" | b"while") || name {
                self.open.end_statement();
            }
        }
        if !name {
            self.look_for_module(word);
        }
        // An escape may spell a keyword.
        statement += usize::from(word.contains(&b'\\'));
        let for_await = word == b"await" && self.last == Last::HeadWord;
        self.set_last(if for_await { Last::HeadWord } else { last });
        self.new_line = false;
        self.open.add(self.at, statement, expression)
    }

    fn look_for_module(&mut self, word: &[u8]) {
        let outermost = if self.open.blind {
            self.new_line || matches!(self.last, Last::Semicolon | Last::Block)
        } else {
            self.open.is_outermost()
        };
        if outermost {
            self.module |= word == b"export";
            self.importing = word == b"import";
        }
    }

    fn punctuation(&mut self, byte: u8) -> Result<(), TooDeep> {
        match byte {
            b'(' => {
                let head = self.last == Last::HeadWord;
                self.begin(Bracket::Round { head })
            }
            b'[' => self.begin(Bracket::Square),
            b'{' => {
                let object = matches!(self.last, Last::Operator | Last::Comma | Last::NoLabel);
                self.begin(if object {
                    Bracket::Object
                } else {
                    Bracket::Curly
                })
            }
            b')' => self.close(|bracket| matches!(bracket, Bracket::Round { .. })),
            b']' => self.close(|bracket| bracket == Bracket::Square),
            b'}' => self.close_curly(),
            b';' => {
                self.end_of_statement();
                Ok(())
            }
            b',' => {
                self.open.end_expression();
                self.one(Last::Comma)
            }
            b':' => self.colon(),
            b'.' => self.dot(),
            _ => self.operator(byte),
        }
    }

    fn one(&mut self, last: Last) -> Result<(), TooDeep> {
        self.at += 1;
        self.set_last(last);
        Ok(())
    }

    fn begin(&mut self, bracket: Bracket) -> Result<(), TooDeep> {
        self.open.push(self.at, bracket)?;
        let last = match bracket {
            Bracket::Curly => Last::Semicolon,
            Bracket::Object => Last::Comma,
            _ => Last::Operator,
        };
        self.one(last)
    }

    fn close(&mut self, fits: impl Fn(Bracket) -> bool) -> Result<(), TooDeep> {
        self.ending = false;
        let last = match self.open.pop(self.at, fits) {
            Some(Bracket::Round { head: true }) => Last::Head,
            _ => Last::Operand,
        };
        self.one(last)
    }

    fn close_curly(&mut self) -> Result<(), TooDeep> {
        self.ending = false;
        let closed = self.open.pop(self.at, |bracket| {
            matches!(bracket, Bracket::Curly | Bracket::Object | Bracket::Hole)
        });
        self.at += 1;
        if closed == Some(Bracket::Hole) {
            // A template that does not end stops the parser.
            if !self.template_text()? {
                self.at = self.bytes.len();
            }
            return Ok(());
        }
        self.set_last(if closed == Some(Bracket::Object) {
            Last::Operand
        } else {
            Last::Block
        });
        Ok(())
    }

    fn end_of_statement(&mut self) {
        self.open.pop_angles();
        self.open.end_expression();
        self.ending = true;
        self.at += 1;
        self.set_last(Last::Semicolon);
    }

    /// Of a label, which holds a statement open, or of anything else.
    fn colon(&mut self) -> Result<(), TooDeep> {
        let label = !matches!(
            self.before_last,
            Last::Comma | Last::NoLabel | Last::Operator | Last::Dot | Last::Either
        );
        self.one(Last::Colon)?;
        self.open
            .add(self.at, usize::from(label), usize::from(!label))
    }

    fn dot(&mut self) -> Result<(), TooDeep> {
        if self.starts("...") {
            self.at += 3;
            self.set_last(Last::Operator);
            return self.open.add(self.at, 0, 1);
        }
        self.one(Last::Dot)
    }

    fn operator(&mut self, byte: u8) -> Result<(), TooDeep> {
        // Comments of old browsers, in scripts that are not modules.
        if self.starts("<!--") || self.new_line && self.starts("-->") {
            self.open.blind = true;
        }
        let postfix = self.last == Last::Operand && !self.new_line;
        if self.starts("=>") {
            self.at += 2;
            // A body in braces is a block.
            self.set_last(Last::Head);
            return self.open.add(self.at, 0, 1);
        }
        if self.starts("++") || self.starts("--") {
            self.at += 2;
            self.set_last(Last::Either);
            return self.open.add(self.at, 0, 1);
        }
        if self.starts("?.") && !self.byte(2).is_ascii_digit() {
            self.at += 2;
            self.set_last(Last::Dot);
            return Ok(());
        }
        // Where an operand belongs it begins JSX, in which other rules hold; the parser goes on, to tell that it is wrong.
        if byte == b'<' && !self.typescript && !postfix {
            self.open.blind = true;
        }
        match byte {
            b'<' if self.typescript => {
                self.open.push(self.at, Bracket::Angle)?;
                return self.one(Last::Operator);
            }
            b'>' if self.typescript => {
                self.open.pop_angle();
                self.one(Last::Either)?;
                return self.open.add(self.at, 0, 1);
            }
            b'?' => self.one(Last::NoLabel)?,
            // TypeScript: not null.
            b'!' if self.typescript && postfix && self.byte(1) != b'=' => {
                self.one(Last::Operand)?;
            }
            b'!' if self.last == Last::Block => self.one(Last::Either)?,
            _ => self.one(Last::Operator)?,
        }
        self.open.add(self.at, 0, 1)
    }
}

/// `\` begins an escape, `#` a private name, `@` a decorator.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'\\' | b'#')
}

/// What a word counts in its statement and in its expression, and what it is before the next token.
fn meaning(word: &[u8]) -> (usize, usize, Last) {
    match word {
        b"if" | b"for" | b"while" | b"with" => (1, 0, Last::HeadWord),
        b"else" | b"do" => (1, 0, Last::Semicolon),
        b"case" => (0, 0, Last::NoLabel),
        b"const" | b"var" => (0, 0, Last::NoLabel),
        b"let" => (0, 0, Last::Either),
        b"return" | b"throw" | b"new" | b"typeof" | b"delete" | b"void" | b"in" | b"instanceof"
        | b"extends" | b"default" => (0, 1, Last::Operator),
        b"await" | b"yield" | b"of" => (0, 1, Last::Either),
        b"class" | b"keyof" | b"infer" | b"readonly" | b"unique" | b"asserts" | b"is" | b"as"
        | b"satisfies" | b"function" | b"async" | b"abstract" | b"declare" | b"export"
        | b"namespace" | b"module" | b"global" | b"import" => (0, 1, Last::Operand),
        _ => (0, 0, Last::Operand),
    }
}

/// Words after a `}` that go on with what is before it.
fn continues(word: &[u8]) -> bool {
    matches!(
        word,
        b"else"
            | b"while"
            | b"catch"
            | b"finally"
            | b"as"
            | b"satisfies"
            | b"extends"
            | b"in"
            | b"instanceof"
            | b"of"
            | b"is"
            | b"from"
            | b"implements"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(code: &str, language: Language) -> Result<Outline, TooDeep> {
        of(&Text::read("a", code.as_bytes()).unwrap(), language)
    }

    fn form(code: &str) -> Form {
        let form = outline(code, Language::JavaScript).unwrap().form;
        assert_eq!(
            outline(code, Language::TypeScript).unwrap().form,
            form,
            "{code}"
        );
        form
    }

    #[test]
    fn import_and_export_make_a_module() {
        for code in [
            "export default 1",
            "import \"a\"",
            "import{a}from\"a\"",
            "import /* ( */ a from \"a\"",
            "if (a) {} export {}",
            "a = /[/\"]/; export {}",
            "a = b\n/1/2; export {}",
            "a < b\nexport {}",
            "`${`${a}`}`;export{}",
            "// a \u{2028} export {}",
            "({}); export {}",
            "a\n/\"/.test(b); export {}",
        ] {
            assert_eq!(form(code), Form::Module, "{code}");
        }
    }

    #[test]
    fn other_uses_of_the_words_do_not() {
        for code in [
            "",
            "return 1",
            "await import(\"a\")",
            "import.meta.url",
            "a.export = a.import",
            "({ export: 1, import: 2 })",
            "\"export default\"",
            "`\nexport default ${1}`",
            "// export default",
            "/* \nexport default */",
            "a = /export default/",
            "exports.a = 1",
            "function f() {\nexport\n}",
        ] {
            assert_eq!(form(code), Form::Plain, "{code}");
        }
    }

    #[test]
    fn what_is_not_open_at_the_same_time_does_not_count() {
        for part in [
            "a = b + c * -d;",
            "f(a, [b], { c: d });\n",
            "if (a) { b } else if (c) d(); else { e }\n",
            "if (a) b, c; else d;",
            "x = a ? b : c, y = d ? e : f;",
            "class A extends B { c = 1; d() { return `${e}` } }\n",
            "do a++; while (b);",
            "var a = /[(\"'`]/g.test(b) / 2;",
            "for (const a of b) { c(a) }\n",
            "const a = (b) => { c }\n",
            "switch (a) { case 1: case 2: b; break; default: c }\n",
            "a: for (;;) break a;",
            "a < b && c > d;",
        ] {
            let code = part.repeat(20_000);
            outline(&code, Language::JavaScript)
                .unwrap_or_else(|TooDeep { at }| panic!("{part} at {at}"));
            outline(&code, Language::TypeScript)
                .unwrap_or_else(|TooDeep { at }| panic!("{part} at {at}"));
        }
        let data = format!(
            "return [{}]",
            "{ a: 1, \"b\": [2, 3], c: \"((\" },".repeat(20_000)
        );
        assert!(outline(&data, Language::JavaScript).is_ok());
    }

    #[test]
    fn what_is_hidden_in_one_reading_counts_in_the_other() {
        let deep = "(".repeat(2 * MAX_OPEN);
        for before in [
            "a = function () {} / \"",
            "let\n/\"/",
            "break\n/\"/; ",
            "if (a) {} /\"/; ",
            "var a\n/\"/; ",
            "yield /\"/; ",
            "for await (a of b) /\"/; ",
            "let a: b<c> /\"/; ",
            "++/\"/; ",
            "<!-- \"\n",
            "\n--> \"\n",
            "// \u{2028}",
            "\\u0069f ",
            "a = <b>;\"; ",
        ] {
            let code = format!("{before}{deep} \" /");
            assert!(outline(&code, Language::JavaScript).is_err(), "{before}");
        }
    }

    #[test]
    fn brackets_that_match_nothing_are_found() {
        let found = |code| {
            let outline = outline(code, Language::JavaScript).unwrap();
            (outline.stray, outline.unclosed)
        };
        assert_eq!(found("a(b)"), (None, None));
        assert_eq!(found("a) b"), (Some(1), None));
        assert_eq!(found("a = {(b"), (None, Some(4)));
        assert_eq!(found("f(a]"), (Some(3), Some(1)));
        assert_eq!(found("`${a"), (None, Some(1)));
    }
}
