//! RDF in the form that XMP uses: names and their values.

use std::collections::BTreeMap;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

/// No packet is nested deeper unless it is malicious.
pub const DEEPEST: usize = 64;

/// The most elements, attributes and texts that are read. Each name is looked up in all
/// namespaces.
const MOST_PARTS: usize = 50_000;

/// The most values that are kept.
const MOST_VALUES: usize = 4096;

/// The vocabularies that contain properties of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Rdf,
    Exif,
    ExifEx,
    Tiff,
    Xmp,
    Dc,
    Aux,
    Photoshop,
    Note,
    /// Any other vocabulary; its properties are not kept.
    Other,
}

impl Space {
    pub fn of(resolved: &ResolveResult<'_>) -> Self {
        let ResolveResult::Bound(namespace) = resolved else { return Space::Other };
        match namespace.as_ref() {
            "http://www.w3.org/1999/02/22-rdf-syntax-ns#" => Space::Rdf,
            "http://ns.adobe.com/exif/1.0/" => Space::Exif,
            "http://cipa.jp/exif/1.0/" | "http://cipa.jp/exif/1.0" => Space::ExifEx,
            "http://ns.adobe.com/tiff/1.0/" => Space::Tiff,
            "http://ns.adobe.com/xap/1.0/" => Space::Xmp,
            "http://purl.org/dc/elements/1.1/" => Space::Dc,
            "http://ns.adobe.com/exif/1.0/aux/" => Space::Aux,
            "http://ns.adobe.com/photoshop/1.0/" => Space::Photoshop,
            "http://ns.adobe.com/xmp/note/" => Space::Note,
            _ => Space::Other,
        }
    }
}

/// A value, and the property (and field) that it belongs to.
struct Property {
    space: Space,
    name: String,
    field: Option<String>,
    value: String,
}

/// The properties of a packet, in its order.
#[derive(Default)]
pub struct Properties(Vec<Property>, Nodes);

/// Values that are elsewhere than their properties: both have the same `rdf:nodeID`.
#[derive(Default)]
struct Nodes {
    /// The values of each node, and the fields that they belong to.
    values: BTreeMap<String, Vec<(Option<String>, String)>>,
    /// The properties whose values are those of a node.
    uses: Vec<(Space, String, String)>,
    count: usize,
}

/// An element that is open.
struct Open {
    space: Space,
    name: String,
    /// Whether its text is the default one of several languages.
    is_default: bool,
    has_children: bool,
    /// Its `rdf:nodeID`.
    node: Option<String>,
}

impl Properties {
    /// Reads the properties up to where the XML is damaged. Also returns whether it is
    /// undamaged.
    pub fn read(text: &str) -> (Self, bool) {
        let mut properties = Self::default();
        let whole = properties.read_events(text);
        properties.resolve_nodes();
        (properties, whole)
    }

    fn read_events(&mut self, text: &str) -> bool {
        let mut reader = NsReader::from_str(text);
        let mut path: Vec<Open> = Vec::new();
        let mut content = String::new();
        let mut parts = 0;
        while let Ok(event) = reader.read_event() {
            parts += 1;
            if parts > MOST_PARTS {
                break;
            }
            match event {
                Event::Start(element) => {
                    if path.len() >= DEEPEST {
                        break;
                    }
                    parts += self.open(&reader, &element, &mut path);
                    content.clear();
                }
                Event::Empty(element) => {
                    parts += self.open(&reader, &element, &mut path);
                    path.pop();
                    content.clear();
                }
                Event::End(_) => {
                    if path.last().is_some_and(|element| !element.has_children) {
                        self.add(&path, None, content.trim());
                    }
                    path.pop();
                    content.clear();
                }
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => content.push(character),
                    Ok(None) => content.push_str(predefined(&reference)),
                    Err(_) => {}
                },
                Event::Eof => return path.is_empty(),
                _ => {}
            }
        }
        false
    }

    /// Gives properties the values of the nodes that they name.
    fn resolve_nodes(&mut self) {
        let Nodes { values, uses, .. } = std::mem::take(&mut self.1);
        for (space, name, node) in uses {
            for (field, value) in values.get(&node).into_iter().flatten() {
                if self.0.len() >= MOST_VALUES {
                    return;
                }
                let (name, field, value) = (name.clone(), field.clone(), value.clone());
                self.0.push(Property { space, name, field, value });
            }
        }
    }

    /// Opens an element and adds the properties that are its attributes. Returns their
    /// number.
    fn open(
        &mut self,
        reader: &NsReader<&[u8]>,
        element: &BytesStart<'_>,
        path: &mut Vec<Open>,
    ) -> usize {
        if let Some(parent) = path.last_mut() {
            parent.has_children = true;
        }
        let (space, name) = reader.resolver().resolve_element(element.name());
        path.push(Open {
            space: Space::of(&space),
            name: name.as_ref().to_owned(),
            is_default: false,
            has_children: false,
            node: None,
        });
        let mut attributes = element.attributes();
        // It is not worth checking all names for duplicates.
        let mut count = 0;
        for attribute in attributes.with_checks(false).flatten().take(MOST_VALUES) {
            count += 1;
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
            if attribute.key == QName("xml:lang") {
                let is_default = value == "x-default";
                if let Some(element) = path.last_mut() {
                    element.is_default = is_default;
                }
                continue;
            }
            let (space, name) = reader.resolver().resolve_attribute(attribute.key);
            let space = Space::of(&space);
            if space == Space::Rdf && name.as_ref() == "nodeID" {
                self.add_node(path, &value);
            } else if !matches!(space, Space::Rdf | Space::Other) {
                self.add(path, Some((space, name.as_ref())), value.trim());
            }
        }
        count
    }

    /// Notes that the last element of `path` defines a node or, if it is a property, uses it.
    fn add_node(&mut self, path: &mut [Open], node: &str) {
        let Some(element) = path.last_mut() else { return };
        if element.space == Space::Rdf {
            element.node = Some(node.to_owned());
        } else if element.space != Space::Other && self.1.uses.len() < MOST_VALUES {
            self.1.uses.push((element.space, element.name.clone(), node.to_owned()));
        }
    }

    /// Adds a value of the property at `path` and `attribute`.
    fn add(&mut self, path: &[Open], attribute: Option<(Space, &str)>, value: &str) {
        let Some(root) = path.iter().position(|it| it.space == Space::Rdf && it.name == "RDF")
        else {
            return;
        };
        if let Some(node) = path[root..].iter().rev().find_map(|it| it.node.as_ref()) {
            let field = path.last().filter(|it| it.space != Space::Rdf).map(|it| it.name.clone());
            let field = attribute.map(|(_, name)| name.to_owned()).or(field);
            if !value.is_empty() && self.1.count < MOST_VALUES {
                self.1.count += 1;
                let values = self.1.values.entry(node.clone()).or_default();
                values.push((field, value.to_owned()));
            }
        }
        let elements = path[root..].iter().filter(|it| it.space != Space::Rdf);
        let mut names = elements.map(|it| (it.space, it.name.as_str())).chain(attribute);
        let (Some((space, name)), field, None) = (names.next(), names.next(), names.next()) else {
            return;
        };
        if value.is_empty() || space == Space::Other || self.0.len() >= MOST_VALUES {
            return;
        }
        let field = field.map(|(_, name)| name.to_owned());
        let property = Property { space, name: name.to_owned(), field, value: value.to_owned() };
        let is_default = path.last().is_some_and(|it| it.is_default);
        let first = self.0.iter().position(|it| it.is(space, name)).filter(|_| is_default);
        self.0.insert(first.unwrap_or(self.0.len()), property);
    }

    /// The first value of a property, or the one in the default language.
    pub fn text(&self, space: Space, name: &str) -> Option<String> {
        self.values(space, name).next().map(str::to_owned)
    }

    /// All values of a property.
    pub fn values(&self, space: Space, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |it| it.is(space, name)).map(|it| it.value.as_str())
    }

    /// The first value of a property as a number.
    pub fn number(&self, space: Space, name: &str) -> Option<f64> {
        number(self.values(space, name).next()?)
    }

    /// The values joined into one string, as EXIF does with several authors.
    pub fn list(&self, space: Space, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(space, name).collect();
        Some(values.join("; ")).filter(|it| !it.is_empty())
    }

    /// The value of a structure's field.
    pub fn field(&self, space: Space, name: &str, field: &str) -> Option<&str> {
        let is_it = |it: &&Property| {
            it.space == space && it.name == name && it.field.as_deref() == Some(field)
        };
        self.0.iter().find(is_it).map(|it| it.value.as_str())
    }
}

impl Property {
    /// Whether it is this property itself and not a field of it.
    fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name && self.field.is_none()
    }
}

fn predefined(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

/// Parses a number or a fraction.
pub fn number(text: &str) -> Option<f64> {
    let value: f64 = match text.split_once('/') {
        Some((above, below)) => {
            above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?
        }
        None => text.trim().parse().ok()?,
    };
    value.is_finite().then_some(value)
}
