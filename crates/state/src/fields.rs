//! Reading and writing of the primitives that stored metadata consists of.
//!
//! All integers are big-endian; text is a u32 length and UTF-8; a list is a u32 count and its elements. Stored bytes may
//! be damaged: the reader never panics and never reserves more than the bytes that are left could fill.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("the value ends too early")]
    Short,
    #[error("bytes follow the end of the value")]
    Trailing,
    #[error("text is not UTF-8")]
    Text,
    #[error("{0} is not a known {1}")]
    Unknown(u8, &'static str),
    #[error("the value of a {0} is not possible")]
    Value(&'static str),
}

#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn version(version: u8) -> Self {
        Self(vec![version])
    }

    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn i16(&mut self, value: i16) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn id(&mut self, value: [u8; 16]) -> &mut Self {
        self.0.extend(value);
        self
    }

    pub fn text(&mut self, value: &str) -> &mut Self {
        self.count(value.len());
        self.0.extend(value.as_bytes());
        self
    }

    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.count(value.len());
        self.0.extend(value);
        self
    }

    pub fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            None => self.u8(0),
            Some(value) => self.u8(1).text(value),
        }
    }

    pub fn count(&mut self, count: usize) -> &mut Self {
        self.u32(u32::try_from(count).expect("metadata values are far below 4 GiB"))
    }

    pub fn i32s(&mut self, values: &[i32]) -> &mut Self {
        self.count(values.len());
        for value in values {
            self.i32(*value);
        }
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], FieldError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(FieldError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FieldError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8, FieldError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, FieldError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, FieldError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, FieldError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, FieldError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, FieldError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, FieldError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn id(&mut self) -> Result<[u8; 16], FieldError> {
        self.array()
    }

    pub fn text(&mut self) -> Result<&'a str, FieldError> {
        let len = self.u32()? as usize;
        std::str::from_utf8(self.take(len)?).map_err(|_| FieldError::Text)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], FieldError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    pub fn optional_text(&mut self) -> Result<Option<&'a str>, FieldError> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(self.text()?)),
            other => Err(FieldError::Unknown(other, "mark of an optional text")),
        }
    }

    /// A count of elements of at least `min_bytes` each: refused when they cannot fit into what is left.
    pub fn count(&mut self, min_bytes: usize) -> Result<usize, FieldError> {
        let count = self.u32()? as usize;
        if count > self.0.len() / min_bytes.max(1) { Err(FieldError::Short) } else { Ok(count) }
    }

    pub fn i32s(&mut self) -> Result<Vec<i32>, FieldError> {
        let count = self.count(4)?;
        (0..count).map(|_| self.i32()).collect()
    }

    pub fn finish(self) -> Result<(), FieldError> {
        if self.0.is_empty() { Ok(()) } else { Err(FieldError::Trailing) }
    }
}
