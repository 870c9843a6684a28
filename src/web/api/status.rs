//! `GET /v1/status`: how far each store is.

use axum::Json;
use axum::extract::State;

use crate::app::Status;
use crate::relay::{Problem, Token};
use crate::web::Web;

pub async fn show(State(web): State<Web>, Token(identity): Token) -> Result<Json<Status>, Problem> {
    match identity.is_customer_only() {
        true => Err(Problem::new(crate::model::ErrorKind::Denied, "a customer's token may not see the status")),
        // Sizes are read from the disk.
        false => Ok(Json(tokio::task::block_in_place(|| web.status.read()))),
    }
}
