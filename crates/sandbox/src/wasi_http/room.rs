//! How much a guest may put into each of its resources: less, once it has many.
//!
//! A step has some dozen headers, requests and bodies at a time. One that keeps ten thousand of them full would make the
//! host hold a gigabyte; so what is made while there are many gets little room.

use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};

/// Resources of requests that are many.
const MANY: usize = 500;
/// Calls between two countings, which walk over all handles. Each call makes one resource at most.
const CALLS: u32 = 500;

/// What fits into what is made now, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sizes {
    /// The headers of a request, with what they take in memory beside their text.
    pub(super) fields_bytes: usize,
    /// What a guest may write at once of a request's body; the host holds two such pieces.
    pub(super) piece_bytes: usize,
    /// The path of a URL with its query.
    pub(super) path_bytes: usize,
}

const USUAL: Sizes = Sizes {
    fields_bytes: 128 << 10,
    piece_bytes: 64 << 10,
    path_bytes: 64 << 10,
};
const SMALL: Sizes = Sizes {
    fields_bytes: 4 << 10,
    piece_bytes: 4 << 10,
    path_bytes: 2 << 10,
};

/// Counts the resources of a guest now and then.
#[derive(Default)]
pub(super) struct Room {
    calls: u32,
    is_crowded: bool,
}

impl Room {
    /// What fits into what is made now. To be asked at each call.
    pub(super) fn in_table(&mut self, table: &mut ResourceTable) -> Sizes {
        self.calls += 1;
        if self.calls == CALLS {
            self.calls = 0;
            let held = table.iter_mut().filter(|it| {
                it.is::<FieldMap>()
                    || it.is::<HostOutgoingRequest>()
                    // Nobody asks a step for an answer, but it can make some, and they have headers.
                    || it.is::<HostOutgoingResponse>()
                    || it.is::<HostOutgoingBody>()
                    || it.is::<HostFutureIncomingResponse>()
            });
            self.is_crowded = held.count() > MANY;
        }
        self.sizes()
    }

    pub(super) fn sizes(&self) -> Sizes {
        if self.is_crowded { SMALL } else { USUAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_resources_gets_little_room_until_it_has_few_again() {
        let (mut room, mut table) = (Room::default(), ResourceTable::new());
        let mut held = Vec::new();
        for _ in 0..CALLS + 2 {
            assert_eq!(room.in_table(&mut table), USUAL);
            held.push(table.push(FieldMap::default()).unwrap());
        }
        let mut sizes = || (0..CALLS).map(|_| room.in_table(&mut table)).last();
        assert_eq!(sizes(), Some(SMALL));
        for fields in held {
            table.delete(fields).unwrap();
        }
        let sizes = (0..CALLS).map(|_| room.in_table(&mut table)).last();
        assert_eq!(sizes, Some(USUAL));
    }
}
