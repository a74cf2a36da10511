export * from 'typebox/error'
