//! How the model's nouns stand in columns.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{
    DepositId, DockName, Generation, ItemId, LedgerIndex, Moment, PlaceName, RawName, Sha256,
};

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> FromSqlError {
    FromSqlError::Other(Box::new(error))
}

macro_rules! blob_ids {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(value).map(Self::from_bytes)
            }
        }
    )*};
}

blob_ids!(ItemId, DepositId);

impl ToSql for Sha256 {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Sha256 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(Self)
    }
}

impl ToSql for RawName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for RawName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_blob().map(Self::new)
    }
}

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.to_string())))
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(invalid)
    }
}

impl ToSql for DockName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
    }
}

impl FromSql for DockName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(invalid)
    }
}

impl ToSql for PlaceName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
    }
}

impl FromSql for PlaceName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::deserialize(value.as_str()?.into_deserializer())
            .map_err(|error: serde::de::value::Error| invalid(error))
    }
}

impl ToSql for LedgerIndex {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(integer(self.0))))
    }
}

impl FromSql for LedgerIndex {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|number| Self(number.cast_unsigned()))
    }
}

impl ToSql for Generation {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0.into())))
    }
}

impl FromSql for Generation {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u32::column_result(value).map(Self)
    }
}

/// SQLite's integers have a sign. Sizes and indexes never reach 2^63, and the cast loses nothing if one did.
pub(super) fn integer(number: u64) -> i64 {
    number.cast_signed()
}

/// The way back from [`integer`].
pub(super) struct Unsigned(pub(super) u64);

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|number| Self(number.cast_unsigned()))
    }
}

/// An enum without data, as the word that serde gives it.
pub(super) struct Word<T>(pub(super) T);

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(word)) => Ok(ToSqlOutput::Owned(Value::Text(word))),
            Ok(other) => Err(rusqlite::Error::ToSqlConversionFailure(format!("{other} is no word").into())),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        }
    }
}

impl<T: for<'de> Deserialize<'de>> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            value.as_str()?.into_deserializer();
        T::deserialize(word).map(Self).map_err(invalid)
    }
}

/// Anything else, as JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(|text| ToSqlOutput::Owned(Value::Text(text)))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Recovered};

    fn through<T: ToSql, U: FromSql>(value: &T) -> U {
        let db = rusqlite::Connection::open_in_memory().expect("opens");
        db.query_row("SELECT ?1", [value], |row| row.get(0)).expect("reads back")
    }

    #[test]
    fn nouns_come_back_from_columns() {
        let moment = Moment::from_unix(1_700_000_000, 7);
        assert_eq!(through::<_, Moment>(&moment), moment);
        assert_eq!(through::<_, Word<Kind>>(&Word(Kind::Video)).0, Kind::Video);
        let none: Option<Word<Recovered>> = through(&None::<Word<Recovered>>);
        assert!(none.is_none());
        assert_eq!(through::<_, Unsigned>(&integer(u64::MAX)).0, u64::MAX);
        let name = RawName::new(*b"\xc4\xe3.mp4");
        assert_eq!(through::<_, RawName>(&name), name);
        assert_eq!(through::<_, Json<Vec<Kind>>>(&Json(vec![Kind::Log])).0, [Kind::Log]);
    }

    #[test]
    fn words_and_ids_that_nobody_wrote_are_errors() {
        let db = rusqlite::Connection::open_in_memory().expect("opens");
        assert!(db.query_row("SELECT 'film'", [], |row| row.get::<_, Word<Kind>>(0)).is_err());
        assert!(db.query_row("SELECT x'00'", [], |row| row.get::<_, ItemId>(0)).is_err());
    }
}
