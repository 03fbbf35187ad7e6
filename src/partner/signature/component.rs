//! Component identifiers (RFC 9421 sections 2.1 and 2.2): a name, and how its value is taken.

use sfv::{BareItem, InnerList, Item};

use super::COMPONENTS_MAX;
use super::error::SignatureError;

/// One thing that a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component<'a> {
    /// A field's name in lower case, or a derived component's with its `@`.
    pub(super) name: &'a str,
    pub(super) form: Form<'a>,
    /// `;req`: taken from the request that a response answers.
    pub(super) of_request: bool,
}

/// How a component's value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// As it stands, lines joined.
    Plain,
    /// `;sf`: as a structured field, written strictly.
    Strict,
    /// `;bs`: each line as a byte sequence.
    Bytes,
    /// `;key="…"`: one member of a dictionary.
    Member(&'a str),
    /// `;name="…"`: one parameter of the query.
    Named(&'a str),
}

impl<'a> Component<'a> {
    /// The component `name`, as it stands.
    pub(super) const fn plain(name: &'a str) -> Component<'a> {
        Component { name, form: Form::Plain, of_request: false }
    }

    /// The same, taken from the request.
    pub(super) const fn req(self) -> Component<'a> {
        Component { of_request: true, ..self }
    }

    /// One member of the dictionary that the field holds.
    pub(super) const fn member(self, key: &'a str) -> Component<'a> {
        Component { form: Form::Member(key), ..self }
    }

    fn read(item: &'a Item) -> Result<Component<'a>, SignatureError> {
        let BareItem::String(name) = &item.bare_item else {
            return Err(SignatureError::refused("?", "a component is named by a string"));
        };
        let name = name.as_str();
        let refused = |reason| Err(SignatureError::refused(name, reason));
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return refused("names of components are in lower case");
        }
        let mut component = Component::plain(name);
        for (key, value) in &item.params {
            let form = match (key.as_str(), value) {
                ("req", BareItem::Boolean(true)) => {
                    component.of_request = true;
                    continue;
                }
                ("sf", BareItem::Boolean(true)) => Form::Strict,
                ("bs", BareItem::Boolean(true)) => Form::Bytes,
                ("key", BareItem::String(key)) => Form::Member(key.as_str()),
                ("name", BareItem::String(key)) => Form::Named(key.as_str()),
                ("tr", _) => return refused("trailers are not used here"),
                _ => return refused("it has a parameter that is unknown or of the wrong type"),
            };
            if component.form != Form::Plain {
                return refused("only one of sf, bs, key and name can be used");
            }
            component.form = form;
        }
        match (name.starts_with('@'), component.form) {
            (true, Form::Named(_)) if name == "@query-param" => Ok(component),
            (true, Form::Plain) if name != "@query-param" => Ok(component),
            (true, _) => refused("a derived component has no such parameter, or lacks its name"),
            (false, Form::Named(_)) => refused("only \"@query-param\" has a name"),
            (false, _) => Ok(component),
        }
    }

    /// Writes the identifier. Names, and keys of members, are ones that need no escape.
    pub(super) fn write(&self, out: &mut String) {
        out.extend(["\"", self.name, "\""]);
        if self.of_request {
            out.push_str(";req");
        }
        match self.form {
            Form::Plain => {}
            Form::Strict => out.push_str(";sf"),
            Form::Bytes => out.push_str(";bs"),
            Form::Member(key) => out.extend([";key=\"", key, "\""]),
            Form::Named(name) => out.extend([";name=\"", name, "\""]),
        }
    }

    /// The identifier as text.
    pub(super) fn to_text(self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// The components of a signature: each readable, none twice (whatever the order of its
/// parameters), not too many.
pub(super) fn components(list: &InnerList) -> Result<Vec<Component<'_>>, SignatureError> {
    if list.items.len() > COMPONENTS_MAX {
        let reason = "it covers too many components";
        return Err(SignatureError::Malformed { field: "signature-input", reason });
    }
    let mut components = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let component = Component::read(item)?;
        if components.contains(&component) {
            return Err(SignatureError::refused(component.name, "it is covered twice"));
        }
        components.push(component);
    }
    Ok(components)
}

/// Refuses unless each of `required` is among `components`.
pub(super) fn require(
    components: &[Component<'_>],
    required: &[Component<'_>],
) -> Result<(), SignatureError> {
    match required.iter().find(|component| !components.contains(component)) {
        Some(component) => Err(SignatureError::ComponentMissing { component: component.to_text() }),
        None => Ok(()),
    }
}
