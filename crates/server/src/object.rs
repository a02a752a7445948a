//! Objects of JSON, and nothing else in their place: by itself serde takes a list for a struct, field by field.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What is written as an object.
pub(crate) struct Object<T>(pub(crate) T);

/// A field that is an object: for `#[serde(deserialize_with)]`.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(read)| read)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        raw: Box<RawValue>,
        #[serde(default, deserialize_with = "object")]
        inner: Inner,
    }

    #[derive(Default, Deserialize)]
    struct Inner {
        a: Option<u32>,
    }

    #[test]
    fn an_object_is_read_and_a_list_is_not() {
        let read = |text| serde_json::from_str::<Object<Outer>>(text).map(|Object(read)| read);
        let outer = read(r#"{"raw": {"b": 1.50}, "inner": {"a": 1}}"#).unwrap();
        assert_eq!(
            (outer.raw.get(), outer.inner.a),
            (r#"{"b": 1.50}"#, Some(1))
        );
        assert_eq!(read(r#"{"raw": []}"#).unwrap().inner.a, None);
        for text in [
            "[1, {}]",
            r#"{"raw": 1, "inner": [1]}"#,
            r#"{"raw": 1, "inner": null}"#,
            "1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
