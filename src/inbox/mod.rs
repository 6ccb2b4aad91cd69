//! Inboxes become sightings: events and rescans.
