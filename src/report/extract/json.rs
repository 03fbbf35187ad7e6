//! A JSON text as the tables read it: texts stay in the text that they were read from, and an
//! object is one list. What is read, what is refused and which of two members of one name counts
//! is as with `serde_json::Value`, which allocates for every name and every text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Members that room is made for at once: few records have more.
const MEMBERS_USUAL: usize = 16;

/// Members up to which a name is looked for one by one, so that no text takes quadratic time.
const MEMBERS_FEW: usize = 64;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Flag(bool),
    Int(i64),
    /// A number that is no `i64`.
    Number,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In the order of the text; each name once.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// The object that `text` is; `None` when it is none.
    pub(crate) fn object(text: &'a str) -> Option<Json<'a>> {
        serde_json::from_str(text).ok().filter(|read| matches!(read, Json::Object(_)))
    }

    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        let Json::Object(members) = self else { return None };
        members.iter().find(|member| *member.0 == *name).map(|member| &member.1)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        if let Json::Int(int) = self { Some(*int) } else { None }
    }
}

/// A text, borrowed where it stands without escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Text<'de>, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        d.deserialize_str(Read)
    }
}

/// The members of an object that is being read. The last value of a name counts, in the place of
/// the first.
#[derive(Default)]
struct Members<'a> {
    list: Vec<(Cow<'a, str>, Json<'a>)>,
    /// A bit for each name there is, by its length and ends: most new names are seen to be new.
    seen: u64,
    /// Where each name is, once they are many.
    places: Option<HashMap<Cow<'a, str>, usize>>,
}

impl<'a> Members<'a> {
    fn insert(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        let end = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0));
        let (first, last) = (end(name.as_bytes().first()), end(name.as_bytes().last()));
        let bit = 1_u64 << ((name.len() * 5 + first * 3 + last * 7) % 64);
        let list = &mut self.list;
        let known = if list.len() >= MEMBERS_FEW {
            let place = |(place, member): (usize, &(Cow<'a, str>, _))| (member.0.clone(), place);
            let all = || list.iter().enumerate().map(place).collect();
            self.places.get_or_insert_with(all).get(&name).copied()
        } else if self.seen & bit != 0 {
            list.iter().position(|member| member.0 == name)
        } else {
            None
        };
        if let Some(member) = known.and_then(|place| list.get_mut(place)) {
            member.1 = value;
            return;
        }
        self.seen |= bit;
        if let Some(places) = &mut self.places {
            places.insert(name.clone(), list.len());
        }
        if list.is_empty() {
            list.reserve(MEMBERS_USUAL);
        }
        list.push((name, value));
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Json<'de>, E> {
        Ok(Json::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(int).map_or(Json::Number, Json::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Members::default();
        while let Some((Text(name), value)) = map.next_entry()? {
            members.insert(name, value);
        }
        Ok(Json::Object(members.list))
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Json<'de>, D::Error> {
        d.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn same(ours: &Json<'_>, theirs: &Value) -> bool {
        match (ours, theirs) {
            (Json::Null, Value::Null) => true,
            (Json::Flag(a), Value::Bool(b)) => a == b,
            (Json::Int(a), Value::Number(b)) => Some(*a) == b.as_i64(),
            (Json::Number, Value::Number(b)) => b.as_i64().is_none(),
            (Json::Text(a), Value::String(b)) => a == b,
            (Json::List(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == *b.0 && same(&a.1, b.1))
            }
            _ => false,
        }
    }

    fn agrees(text: &str) -> bool {
        match (serde_json::from_str::<Json<'_>>(text), serde_json::from_str::<Value>(text)) {
            (Ok(ours), Ok(theirs)) => same(&ours, &theirs),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for text in [
            r#"{"b":1,"a":"x\n","b":2,"a":null,"c":[1,-1,1.5,-0,18446744073709551615]}"#,
            r#"{"a":{"z":true,"é":"é","e":"\u00e9"}}"#,
            r#"{"a":1e999}"#,
            r#"{"a":1}x"#,
            r#"{"a":"\ud800"}"#,
            r#"{1:2}"#,
            "{}",
            "[]",
            "nul",
            "",
            deep.as_str(),
        ] {
            assert!(agrees(text), "{text}");
        }
        assert!(Json::object("[1]").is_none());
    }

    proptest! {
        #[test]
        fn it_reads_objects_in_any_order(
            members in prop::collection::vec(("[a-c\\\\\"é]{0,2}", any::<i64>()), 0..160),
        ) {
            let member = |m: &(String, i64)| format!("{}:{}", Value::from(m.0.as_str()), m.1);
            let members: Vec<String> = members.iter().map(member).collect();
            let text = format!("{{{}}}", members.join(","));
            prop_assert!(agrees(&text), "it is not read alike");
        }
    }
}
