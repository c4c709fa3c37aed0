//! All properties of an XMP sidecar in a few vocabularies, by the names that photographers
//! know.
//!
//! Unlike [`super::read`], this refuses a document that is damaged or that defines entities it
//! uses: half of the metadata would look like all of them.

use std::collections::BTreeMap;

use quick_xml::escape::EscapeError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;
use quick_xml::{Error, NsReader, XmlVersion};

use super::properties::{DEEPEST, Space};
use crate::probe::problem::{Problem, Result};
use crate::probe::text;

/// The most elements, attributes and texts that are read. Each name is looked up in all
/// namespaces, of which quick-xml accepts 128.
const MOST_PARTS: usize = 500_000;

/// The most values of a list that are kept. Photoshop can list thousands of earlier documents.
const MOST_VALUES: usize = 1000;

/// The most bytes of a value that are kept.
const LONGEST_VALUE: usize = 32 * 1024;

/// The most bytes of all names and values.
const LARGEST: usize = 256 * 1024;

/// A value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagValue {
    /// A plain value, or the default one of several languages.
    Text(String),
    /// The values of a list, or of a property that occurs more than once.
    List(Vec<String>),
}

/// Values by `prefix:Name` or, for an attribute of a property, `prefix:Name@attribute`.
pub type Tags = BTreeMap<String, TagValue>;

/// Reads all properties in the vocabularies `rdf`, `dc`, `xmp`, `tiff`, `exif` and `photoshop`.
/// A property in a structure has its own name. Nothing is read in structures of other
/// vocabularies: they can describe other pictures.
///
/// # Errors
/// [`Problem::Damaged`] if this is not XMP or not valid XML, [`Problem::Unsupported`] if it uses
/// an entity of its own, [`Problem::Limit`].
pub fn tags(data: &[u8]) -> Result<Tags> {
    let mut reading = Reading::default();
    reading.read(&text::by_mark(data))?;
    Ok(reading.tags)
}

#[derive(Default)]
struct Reading {
    tags: Tags,
    path: Vec<Open>,
    /// The number of elements in `path` up to `rdf:RDF`; 0 outside of it.
    below_rdf: usize,
    /// The bytes in `tags`.
    bytes: usize,
    parts: usize,
}

/// What an element is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `rdf:Description`: its attributes are properties.
    Node,
    /// `rdf:Seq` or `rdf:Bag`.
    Container,
    /// `rdf:Alt`.
    Alternatives,
    /// `rdf:li`.
    Item,
    /// `rdf:value`: the value of a property or item that has qualifiers as well.
    Value,
    Property,
    /// Anything else; what it contains is not kept.
    Other,
}

/// An element that is open.
struct Open {
    role: Role,
    /// `prefix:Name`, for a property.
    key: String,
    has_children: bool,
    /// Its `xml:lang`, for an item.
    language: Option<String>,
}

impl Reading {
    fn read(&mut self, text: &str) -> Result<()> {
        let mut reader = NsReader::from_str(text);
        let mut content = String::new();
        let mut is_xmp = false;
        loop {
            self.count_part()?;
            match reader.read_event().map_err(problem)? {
                Event::Start(element) => {
                    is_xmp |= self.open(&reader, &element)?;
                    content.clear();
                }
                Event::Empty(element) => {
                    is_xmp |= self.open(&reader, &element)?;
                    self.close("")?;
                    content.clear();
                }
                Event::End(_) => {
                    self.close(content.trim())?;
                    content.clear();
                }
                Event::Text(text) => content.push_str(&text.xml10_content()),
                Event::CData(text) => content.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    match reference.resolve_char_ref().map_err(problem)? {
                        Some(character) => content.push(character),
                        None => content.push_str(
                            quick_xml::escape::resolve_predefined_entity(&reference)
                                .ok_or_else(own_entity)?,
                        ),
                    }
                }
                Event::Eof if !self.path.is_empty() => {
                    return Err(Problem::damaged("the XML is cut off"));
                }
                Event::Eof if !is_xmp => return Err(Problem::damaged("it contains no XMP")),
                Event::Eof => return Ok(()),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
            }
        }
    }

    fn count_part(&mut self) -> Result<()> {
        self.parts += 1;
        if self.parts > MOST_PARTS { Err(Problem::Limit("too much XML")) } else { Ok(()) }
    }

    /// Opens an element, and adds its attributes. Returns whether it is `rdf:RDF`.
    fn open(&mut self, reader: &NsReader<&[u8]>, element: &BytesStart<'_>) -> Result<bool> {
        if self.path.len() >= DEEPEST {
            return Err(Problem::Limit("the XML is nested too deeply"));
        }
        if let Some(parent) = self.path.last_mut() {
            parent.has_children = true;
        }
        let (space, name) = reader.resolver().resolve_element(element.name());
        let (space, name) = (Space::of(&space), name.into_inner());
        let is_rdf = space == Space::Rdf && name == "RDF" && self.below_rdf == 0;
        let (role, key) =
            if self.below_rdf == 0 { (Role::Other, String::new()) } else { role_of(space, name) };
        self.path.push(Open { role, key, has_children: false, language: None });
        if is_rdf {
            self.below_rdf = self.path.len();
        } else {
            self.add_attributes(reader, element)?;
        }
        Ok(is_rdf)
    }

    fn add_attributes(&mut self, reader: &NsReader<&[u8]>, element: &BytesStart<'_>) -> Result<()> {
        let mut attributes = element.attributes();
        // To check all names for duplicates takes quadratic time.
        for attribute in attributes.with_checks(false) {
            self.count_part()?;
            let attribute = attribute.map_err(|_| damaged_xml())?;
            let Some(role) = self.role() else { continue };
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (space, name) = reader.resolver().resolve_attribute(attribute.key);
            let (space, name) = (Space::of(&space), name.into_inner());
            let is_language = attribute.key == QName("xml:lang");
            let key = match role {
                Role::Node if space == Space::Rdf && name == "about" => continue,
                Role::Node => prefix(space).map(|prefix| format!("{prefix}:{name}")),
                Role::Property => self.path.last().map(|it| format!("{}@{name}", it.key)),
                Role::Item if is_language || space == Space::Rdf && name == "resource" => {
                    Some(String::new())
                }
                _ => None,
            };
            let Some(key) = key else { continue };
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(problem)?;
            if role != Role::Item {
                self.add(&key, value.trim())?;
            } else if !is_language {
                self.add_content(value.trim())?;
            } else if let Some(item) = self.path.last_mut() {
                item.language = Some(value.into_owned());
            }
        }
        Ok(())
    }

    /// The role of the innermost element. `None`: it does not count, nor what it contains.
    fn role(&self) -> Option<Role> {
        let below = self.path.get(self.below_rdf..).filter(|_| self.below_rdf > 0)?;
        let counts = below.iter().all(|it| it.role != Role::Other);
        below.last().filter(|_| counts).map(|it| it.role)
    }

    fn close(&mut self, text: &str) -> Result<()> {
        if self.path.last().is_some_and(|it| !it.has_children) {
            self.add_content(text)?;
        }
        self.path.pop();
        if self.path.len() < self.below_rdf {
            self.below_rdf = 0;
        }
        Ok(())
    }

    /// Adds the content of the innermost element to the property that it belongs to.
    fn add_content(&mut self, value: &str) -> Result<()> {
        if self.role().is_none() || value.is_empty() {
            return Ok(());
        }
        let mut elements = self.path[self.below_rdf..].iter().rev().peekable();
        if elements.next_if(|it| it.role == Role::Value).is_some() {
            elements.next_if(|it| it.role == Role::Node);
        }
        match elements.next() {
            Some(Open { role: Role::Property, key, .. }) => {
                let key = key.clone();
                self.add(&key, value)
            }
            Some(Open { role: Role::Item, language, .. }) => {
                let container = elements.next().map(|it| it.role);
                let Some(Open { role: Role::Property, key, .. }) = elements.next() else {
                    return Ok(());
                };
                let key = key.clone();
                match (container, language) {
                    (Some(Role::Alternatives), Some(language)) => {
                        let is_default = language == "x-default";
                        self.add_alternative(&key, value, is_default)
                    }
                    (Some(Role::Alternatives | Role::Container), _) => {
                        self.add_to_list(&key, value)
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Adds a value. A second one of the same name makes a list.
    fn add(&mut self, key: &str, value: &str) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        if self.tags.contains_key(key) {
            return self.add_to_list(key, value);
        }
        let value = self.kept(key, value)?;
        self.tags.insert(key.to_owned(), TagValue::Text(value));
        Ok(())
    }

    /// Adds a value in a language. The default one counts, or else the first.
    fn add_alternative(&mut self, key: &str, value: &str, is_default: bool) -> Result<()> {
        if is_default || !self.tags.contains_key(key) {
            let value = self.kept(key, value)?;
            self.tags.insert(key.to_owned(), TagValue::Text(value));
        }
        Ok(())
    }

    fn add_to_list(&mut self, key: &str, value: &str) -> Result<()> {
        let value = self.kept(key, value)?;
        match self.tags.get_mut(key) {
            None => {
                self.tags.insert(key.to_owned(), TagValue::List(vec![value]));
            }
            Some(TagValue::List(values)) if values.len() >= MOST_VALUES => {
                self.bytes -= key.len() + value.len();
            }
            Some(TagValue::List(values)) => values.push(value),
            Some(TagValue::Text(first)) => {
                let first = std::mem::take(first);
                self.tags.insert(key.to_owned(), TagValue::List(vec![first, value]));
            }
        }
        Ok(())
    }

    /// As much of a value as is kept. Counts its bytes.
    fn kept(&mut self, key: &str, value: &str) -> Result<String> {
        let ends = |&end: &usize| value.is_char_boundary(end);
        let end = (0..=value.len().min(LONGEST_VALUE)).rev().find(ends).unwrap_or(0);
        let value = &value[..end];
        self.bytes += key.len() + value.len();
        if self.bytes > LARGEST {
            return Err(Problem::Limit("too much metadata"));
        }
        Ok(value.to_owned())
    }
}

/// The role of an element below `rdf:RDF`, and its key if it is a property.
fn role_of(space: Space, name: &str) -> (Role, String) {
    let role = match (space, name) {
        (Space::Rdf, "Description") => Role::Node,
        (Space::Rdf, "Seq" | "Bag") => Role::Container,
        (Space::Rdf, "Alt") => Role::Alternatives,
        (Space::Rdf, "li") => Role::Item,
        (Space::Rdf, "value") => Role::Value,
        (Space::Rdf, _) => Role::Other,
        _ => match prefix(space) {
            Some(prefix) => return (Role::Property, format!("{prefix}:{name}")),
            None => Role::Other,
        },
    };
    (role, String::new())
}

/// The usual prefix of a vocabulary whose properties are kept.
fn prefix(space: Space) -> Option<&'static str> {
    Some(match space {
        Space::Rdf => "rdf",
        Space::Dc => "dc",
        Space::Xmp => "xmp",
        Space::Tiff => "tiff",
        Space::Exif => "exif",
        Space::Photoshop => "photoshop",
        Space::ExifEx | Space::Aux | Space::Note | Space::Other => return None,
    })
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Escape(EscapeError::UnrecognizedEntity(..)) => own_entity(),
        _ => damaged_xml(),
    }
}

fn own_entity() -> Problem {
    Problem::Unsupported("the XML uses an entity of its own".into())
}

fn damaged_xml() -> Problem {
    Problem::damaged("the XML is not valid")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::super::testing::packet;
    use super::*;

    fn texts<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tags {
        let text = |(key, value): (&str, &str)| (key.to_owned(), TagValue::Text(value.to_owned()));
        values.into_iter().map(text).collect()
    }

    fn list(key: &str, values: &[&str]) -> (String, TagValue) {
        (key.to_owned(), TagValue::List(values.iter().map(|&it| it.to_owned()).collect()))
    }

    fn read(attributes: &str, elements: &str) -> Tags {
        tags(packet(attributes, elements).as_bytes()).unwrap()
    }

    #[test]
    fn attributes_elements_and_lists_have_their_usual_names() {
        let elements = "<dc:format>image/dng</dc:format>
            <dc:creator><rdf:Seq><rdf:li>Test Photographer</rdf:li></rdf:Seq></dc:creator>
            <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>a &amp; b</rdf:li></rdf:Bag></dc:subject>
            <tiff:Model><![CDATA[Cam <1>]]></tiff:Model><exif:Empty/>";
        let mut expected = texts([
            ("dc:format", "image/dng"),
            ("tiff:Model", "Cam <1>"),
            ("xmp:Rating", "5"),
            ("photoshop:City", "A\u{e9}"),
        ]);
        expected.extend([
            list("dc:creator", &["Test Photographer"]),
            list("dc:subject", &["sea", "a & b"]),
        ]);
        let attributes = "xmp:Rating='5' photoshop:City='A&#233;' aux:Lens='x' xmp:Label=''";
        assert_eq!(read(attributes, elements), expected);
        // Prefixes mean nothing, namespaces do.
        let renamed = packet("xmp:Rating='5'", "").replace("xmp:", "q:").replace(":xmp=", ":q=");
        assert_eq!(tags(renamed.as_bytes()).unwrap(), texts([("xmp:Rating", "5")]));
    }

    #[test]
    fn the_default_language_counts() {
        let li = |language, text| format!("<rdf:li xml:lang='{language}'>{text}</rdf:li>");
        for (items, expected) in [
            (li("fr", "Deux") + &li("x-default", "Two") + &li("de", "Zwei"), "Two"),
            (li("fr", "Deux") + &li("de", "Zwei"), "Deux"),
        ] {
            let elements = format!("<dc:title><rdf:Alt>{items}</rdf:Alt></dc:title>");
            assert_eq!(read("", &elements), texts([("dc:title", expected)]));
        }
    }

    #[test]
    fn attributes_of_properties_are_kept_with_their_property() {
        let elements = "<dc:source xml:lang='en'>film</dc:source>
            <xmp:BaseURL rdf:resource='http://a/'/>
            <dc:relation><rdf:Bag><rdf:li rdf:resource='http://b/'/></rdf:Bag></dc:relation>";
        let mut expected = texts([
            ("dc:source", "film"),
            ("dc:source@lang", "en"),
            ("xmp:BaseURL@resource", "http://a/"),
        ]);
        expected.extend([list("dc:relation", &["http://b/"])]);
        assert_eq!(read("", elements), expected);
    }

    #[test]
    fn structures_give_their_fields_and_qualified_values_their_value() {
        let elements =
            "<exif:Flash rdf:parseType='Resource'><exif:Fired>True</exif:Fired></exif:Flash>
            <exif:CFAPattern><rdf:Description exif:Columns='2'/></exif:CFAPattern>
            <xmp:Identifier><rdf:Bag><rdf:li><rdf:Description><rdf:value>id</rdf:value>
                </rdf:Description></rdf:li></rdf:Bag></xmp:Identifier>
            <dc:type rdf:parseType='Resource'><rdf:value>photo</rdf:value></dc:type>";
        let mut expected = texts([
            ("dc:type", "photo"),
            ("dc:type@parseType", "Resource"),
            ("exif:Flash@parseType", "Resource"),
            ("exif:Fired", "True"),
            ("exif:Columns", "2"),
        ]);
        expected.extend([list("xmp:Identifier", &["id"])]);
        assert_eq!(read("", elements), expected);
    }

    #[test]
    fn what_describes_other_pictures_is_left_out() {
        let elements = "<aux:Pantry><rdf:Bag><rdf:li><rdf:Description dc:format='image/jpeg'>
            <tiff:Make>Other</tiff:Make></rdf:Description></rdf:li></rdf:Bag></aux:Pantry>";
        assert_eq!(read("xmp:Rating='1'", elements), texts([("xmp:Rating", "1")]));
        let outside = packet("", "").replace("<rdf:RDF", "<dc:format>no</dc:format><rdf:RDF");
        assert_eq!(tags(outside.as_bytes()).unwrap(), Tags::new());
    }

    #[test]
    fn a_property_that_is_repeated_becomes_a_list() {
        let elements = "<dc:format>a</dc:format><dc:format>b</dc:format>";
        assert_eq!(
            read("dc:format='c'", elements),
            Tags::from([list("dc:format", &["c", "a", "b"])])
        );
    }

    #[test]
    fn a_document_that_is_no_valid_xmp_is_refused() {
        let cut = packet("xmp:Rating='3'", "<dc:subject><rdf:Bag></dc:subject>");
        let text = packet("xmp:Rating='3'", "<dc:format>a</dc:format>");
        let invalid = ["", "   ", "no XML", "<a/>", &cut, &text[..text.len() / 2], "\0\0\0\0"];
        for text in invalid.map(str::as_bytes) {
            assert_eq!(tags(text).unwrap_err().code(), "damaged");
        }
        for (from, to) in [("='3'", "=3"), ("='3'", "='&#xd800;'"), (">a<", ">&#0;<")] {
            let text = text.replace(from, to);
            assert_eq!(tags(text.as_bytes()).unwrap_err().code(), "damaged", "{to}");
        }
    }

    #[test]
    fn entities_of_a_document_are_not_expanded() {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b SYSTEM 'file:///etc/passwd'>]>";
        let text = packet("xmp:Rating='3'", "<dc:format>a</dc:format>");
        let with_type = bomb.to_owned() + &text;
        assert_eq!(tags(with_type.as_bytes()).unwrap().len(), 2);
        for (from, to) in [("'3'", "'&a;'"), (">a<", ">&b;<"), (">a<", ">&nbsp;<")] {
            let text = with_type.replace(from, to);
            assert_eq!(tags(text.as_bytes()).unwrap_err().code(), "unsupported");
        }
    }

    #[test]
    fn sizes_are_limited() {
        let long = "\u{e9}".repeat(LONGEST_VALUE);
        let found = read("", &format!("<dc:format>a{long}</dc:format>"));
        let TagValue::Text(kept) = &found["dc:format"] else { panic!() };
        assert_eq!(kept.len(), LONGEST_VALUE - 1);
        let many = "<rdf:li>a</rdf:li>".repeat(MOST_VALUES + 50);
        let found = read("", &format!("<dc:subject><rdf:Bag>{many}</rdf:Bag></dc:subject>"));
        let TagValue::List(kept) = &found["dc:subject"] else { panic!() };
        assert_eq!(kept.len(), MOST_VALUES);
        let large: String = (0..9).map(|it| format!("<dc:t{it}>{long}</dc:t{it}>")).collect();
        let deep = "<dc:a>".repeat(100_000);
        let parts = "<dc:a/>".repeat(MOST_PARTS);
        for elements in [large, deep, parts] {
            let begin = Instant::now();
            let text = packet("", &elements);
            assert_eq!(tags(text.as_bytes()).unwrap_err().code(), "limit");
            assert!(begin.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn damage_does_not_cause_a_panic() {
        let text = packet(
            "xmp:Rating='5'",
            "<dc:a><rdf:Alt><rdf:li xml:lang='x'>b</rdf:li></rdf:Alt></dc:a>",
        );
        for length in 0..text.len() {
            let mut data = text.clone().into_bytes();
            let _ = tags(&data[..length]);
            for byte in [0, b'<', b'>', b'&', b'"', 0xff] {
                data[length] = byte;
                let _ = tags(&data);
            }
        }
    }
}
