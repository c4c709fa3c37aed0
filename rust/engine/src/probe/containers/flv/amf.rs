//! AMF 0: the values that scripts in Flash video contain (Adobe, "Action Message Format",
//! 2007).

/// No metadata has objects that are nested deeper than this.
const DEEPEST: usize = 8;

/// No metadata has more values than this, except lists of key frames.
const MOST_VALUES: usize = 20_000;

/// A value of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Lists, dates, nothing: they are not needed.
    Other,
}

/// The name of a script, and the properties of the first object after it. If the object is
/// cut off, the properties before the cut.
pub fn script(bytes: &[u8]) -> Option<(String, Vec<(String, Value)>)> {
    let mut reader = Reader { bytes, values: 0 };
    let Value::Text(name) = reader.value(0, &mut Vec::new())? else { return None };
    let mut properties = Vec::new();
    reader.value(0, &mut properties);
    Some((name, properties))
}

struct Reader<'a> {
    bytes: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn text(&mut self, length: usize) -> Option<String> {
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn short_text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.array()?);
        self.text(length.into())
    }

    /// Reads one value. The properties of an object are added to `properties`.
    fn value(&mut self, depth: usize, properties: &mut Vec<(String, Value)>) -> Option<Value> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return None;
        }
        Some(match self.array::<1>()?[0] {
            0x00 => Value::Number(f64::from_be_bytes(self.array()?)),
            0x01 => Value::Boolean(self.array::<1>()?[0] != 0),
            0x02 => Value::Text(self.short_text()?),
            0x0c | 0x0f => {
                let length = u32::from_be_bytes(self.array()?);
                Value::Text(self.text(usize::try_from(length).ok()?)?)
            }
            0x03 => self.object(depth, properties)?,
            0x10 => {
                self.short_text()?;
                self.object(depth, properties)?
            }
            0x08 => {
                // The number of entries, which is not reliable.
                self.take(4)?;
                self.object(depth, properties)?
            }
            0x0a => {
                let count = u32::from_be_bytes(self.array()?);
                for _ in 0..count {
                    self.value(depth + 1, &mut Vec::new())?;
                }
                Value::Other
            }
            0x0b => self.take(10).map(|_| Value::Other)?,
            0x07 => self.take(2).map(|_| Value::Other)?,
            0x05 | 0x06 | 0x0d => Value::Other,
            _ => return None,
        })
    }

    fn object(&mut self, depth: usize, properties: &mut Vec<(String, Value)>) -> Option<Value> {
        loop {
            let name = self.short_text()?;
            if name.is_empty() && self.bytes.first() == Some(&0x09) {
                self.take(1)?;
                return Some(Value::Other);
            }
            let value = self.value(depth + 1, &mut Vec::new())?;
            properties.push((name, value));
        }
    }
}
